//! JSON objects of which we know some fields and keep the others.
//!
//! serde's `flatten` and tagged enums buffer values and so lose what a raw value
//! is for: the order of keys, big integers, the exact form of a float. The macro
//! here reads an object in one pass instead; what it does not know goes to `rest`
//! byte for byte, in order.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

use crate::json::{FromScan, Scan};

/// Most fields of one object that we do not know. Past it a body is refused: each
/// costs more memory here than it does on the wire.
pub(crate) const MAX_RAW_FIELDS: usize = 4_096;

/// Fields of an object, unread and in the order they came.
#[derive(Clone, Debug, Default)]
pub struct RawFields(Vec<(String, Box<RawValue>)>);

impl RawFields {
    /// The value of the last field of that name.
    pub fn get(&self, name: &str) -> Option<&RawValue> {
        self.0
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .map(|(_, value)| &**value)
    }

    /// Every field, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.0.iter().map(|(key, value)| (key.as_str(), &**value))
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a field at the end.
    pub fn push(&mut self, name: impl Into<String>, value: Box<RawValue>) {
        self.0.push((name.into(), value));
    }

    /// Replaces the value of a field where it stands, or adds it at the end.
    pub fn set(&mut self, name: &str, value: Box<RawValue>) {
        match self.0.iter_mut().rev().find(|(key, _)| key == name) {
            Some((_, old)) => *old = value,
            None => self.push(name, value),
        }
    }

    /// Takes a field out, all of that name.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(key, _)| key != name);
    }

    pub(crate) fn serialize_fields<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        for (key, value) in self.iter() {
            map.serialize_entry(key, value)?;
        }
        Ok(())
    }

    pub(crate) fn read<'de, A: MapAccess<'de>>(&mut self, map: &mut A) -> Result<(), A::Error> {
        while let Some(Str(key)) = map.next_key()? {
            self.add(key, map.next_value()?)?;
        }
        Ok(())
    }

    /// Adds a field that was read, up to the limit.
    pub(crate) fn add<E: serde::de::Error>(
        &mut self,
        name: Cow<'_, str>,
        value: Box<RawValue>,
    ) -> Result<(), E> {
        if self.0.len() >= MAX_RAW_FIELDS {
            return Err(E::custom(format_args!(
                "more than {MAX_RAW_FIELDS} unknown fields"
            )));
        }
        self.push(name, value);
        Ok(())
    }
}

impl RawFields {
    /// Adds the field `name`, whose value comes next, up to the limit.
    pub(crate) fn scan(&mut self, name: &str, scan: &mut Scan<'_>) -> Option<()> {
        let value = FromScan::from_scan(scan)?;
        (self.0.len() < MAX_RAW_FIELDS).then(|| self.push(name, value))
    }

    /// Adds the fields of the object that comes next, but for `tag`, which has told what it is.
    pub(crate) fn scan_tagged(&mut self, scan: &mut Scan<'_>, tag: Option<&str>) -> Option<()> {
        let mut n_tags = 0;
        scan.fields(|scan, name| {
            if tag == Some(name) {
                return self::tag(scan, &mut n_tags);
            }
            self.scan(name, scan)
        })
    }
}

/// Walks over what a block is. Where it says so twice, serde says which counts.
pub(crate) fn tag(scan: &mut Scan<'_>, n_tags: &mut usize) -> Option<()> {
    *n_tags += 1;
    scan.string().filter(|_| *n_tags == 1).map(drop)
}

impl FromScan for RawFields {
    fn from_scan(scan: &mut Scan<'_>) -> Option<Self> {
        let mut fields = Self::default();
        fields.scan_tagged(scan, None)?;
        Some(fields)
    }
}

impl Serialize for RawFields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        self.serialize_fields(&mut map)?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for RawFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = RawFields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawFields, A::Error> {
                let mut fields = RawFields::default();
                fields.read(&mut map)?;
                Ok(fields)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// A string, copied only where it has escapes.
#[derive(Clone, Debug)]
pub(crate) struct Str<'de>(pub(crate) Cow<'de, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Str<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl<'de> Visitor<'de> for Name {
            type Value = Str<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Str<'de>, E> {
                Ok(Str(Cow::Borrowed(key)))
            }

            fn visit_str<E>(self, key: &str) -> Result<Str<'de>, E> {
                Ok(Str(Cow::Owned(key.to_owned())))
            }
        }
        deserializer.deserialize_str(Name)
    }
}

/// Whether a value is left out when it is written: `false`, an empty list.
pub(crate) trait LeftOut {
    fn is_left_out(&self) -> bool;
}

impl LeftOut for bool {
    fn is_left_out(&self) -> bool {
        !self
    }
}

impl LeftOut for String {
    fn is_left_out(&self) -> bool {
        self.is_empty()
    }
}

impl<T> LeftOut for Vec<T> {
    fn is_left_out(&self) -> bool {
        self.is_empty()
    }
}

/// Declares a struct for a JSON object: `required` fields, `defaulted` ones that
/// may be missing or null, `optional` ones, and `rest` for all others. A field
/// given twice takes its last value, as JavaScript reads it.
macro_rules! object {
    (@key $field:ident) => { stringify!($field) };
    (@key $field:ident $key:literal) => { $key };
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            required { $( $(#[$r_meta:meta])* $r:ident $(as $r_key:literal)? : $r_type:ty ),* $(,)? }
            defaulted { $( $(#[$d_meta:meta])* $d:ident $(as $d_key:literal)? : $d_type:ty ),* $(,)? }
            optional { $( $(#[$o_meta:meta])* $o:ident $(as $o_key:literal)? : $o_type:ty ),* $(,)? }
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        pub struct $name {
            $( $(#[$r_meta])* pub $r: $r_type, )*
            $( $(#[$d_meta])* pub $d: $d_type, )*
            $( $(#[$o_meta])* pub $o: Option<$o_type>, )*
            /// Every other field, as it came.
            pub rest: $crate::object::RawFields,
        }

        impl $name {
            pub(crate) fn from_map<'de, A>(map: &mut A) -> Result<Self, A::Error>
            where
                A: serde::de::MapAccess<'de>,
            {
                $( let mut $r: Option<$r_type> = None; )*
                $( let mut $d: Option<$d_type> = None; )*
                $( let mut $o: Option<$o_type> = None; )*
                let mut rest = $crate::object::RawFields::default();
                while let Some($crate::object::Str(key)) = map.next_key()? {
                    match &*key {
                        $( $crate::object::object!(@key $r $($r_key)?) => $r = Some(map.next_value()?), )*
                        $( $crate::object::object!(@key $d $($d_key)?) => $d = map.next_value()?, )*
                        $( $crate::object::object!(@key $o $($o_key)?) => $o = map.next_value()?, )*
                        _ => rest.add(key, map.next_value()?)?,
                    }
                }
                Ok(Self {
                    $( $r: $r.ok_or_else(|| {
                        serde::de::Error::missing_field($crate::object::object!(@key $r $($r_key)?))
                    })?, )*
                    $( $d: $d.unwrap_or_default(), )*
                    $( $o, )*
                    rest,
                })
            }

            /// The object that comes next; `tag` is the field that has told what it is.
            pub(crate) fn from_scan_tagged(
                scan: &mut $crate::json::Scan<'_>,
                tag: Option<&str>,
            ) -> Option<Self> {
                use $crate::json::FromScan;
                let mut n_tags = 0;
                $( let mut $r: Option<$r_type> = None; )*
                $( let mut $d: Option<$d_type> = None; )*
                $( let mut $o: Option<$o_type> = None; )*
                let mut rest = $crate::object::RawFields::default();
                scan.fields(|scan, name| {
                    match name {
                        $( $crate::object::object!(@key $r $($r_key)?) => $r = Some(FromScan::from_scan(scan)?), )*
                        $( $crate::object::object!(@key $d $($d_key)?) => $d = FromScan::from_scan(scan)?, )*
                        $( $crate::object::object!(@key $o $($o_key)?) => $o = FromScan::from_scan(scan)?, )*
                        _ if tag == Some(name) => $crate::object::tag(scan, &mut n_tags)?,
                        _ => rest.scan(name, scan)?,
                    }
                    Some(())
                })?;
                Some(Self {
                    $( $r: $r?, )*
                    $( $d: $d.unwrap_or_default(), )*
                    $( $o, )*
                    rest,
                })
            }

            pub(crate) fn serialize_fields<M>(&self, map: &mut M) -> Result<(), M::Error>
            where
                M: serde::ser::SerializeMap,
            {
                $( map.serialize_entry($crate::object::object!(@key $r $($r_key)?), &self.$r)?; )*
                $( if !$crate::object::LeftOut::is_left_out(&self.$d) {
                    map.serialize_entry($crate::object::object!(@key $d $($d_key)?), &self.$d)?;
                } )*
                $( if let Some(value) = &self.$o {
                    map.serialize_entry($crate::object::object!(@key $o $($o_key)?), value)?;
                } )*
                self.rest.serialize_fields(map)
            }
        }

        impl $crate::json::FromScan for $name {
            fn from_scan(scan: &mut $crate::json::Scan<'_>) -> Option<Self> {
                Self::from_scan_tagged(scan, None)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D>(deserializer: D) -> Result<Self, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct Object;
                impl<'de> serde::de::Visitor<'de> for Object {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A>(self, mut map: A) -> Result<$name, A::Error>
                    where
                        A: serde::de::MapAccess<'de>,
                    {
                        $name::from_map(&mut map)
                    }
                }
                deserializer.deserialize_map(Object)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S>(&self, serializer: S) -> Result<S::Ok, S::Error>
            where
                S: serde::Serializer,
            {
                let mut map = serializer.serialize_map(None)?;
                self.serialize_fields(&mut map)?;
                serde::ser::SerializeMap::end(map)
            }
        }
    };
}
pub(crate) use object;
