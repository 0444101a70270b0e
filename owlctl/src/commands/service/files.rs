//! The files of each service, as the package has them, and what to run around them.

use std::path::{Path, PathBuf};

use owlcoda_proto::Environment;

use crate::cli::service::KindArgs;

/// Where the files expect the programs; a build elsewhere puts its own directory there.
pub(super) const PROGRAMS: &str = "/usr/bin";

/// One file.
pub(super) struct ServiceFile {
    /// Below the base of its service.
    pub(super) path: &'static str,
    text: &'static str,
    /// Where `text` names the programs.
    programs: &'static str,
}

macro_rules! file {
    ($path:literal, $source:literal, $programs:expr) => {
        ServiceFile {
            path: $path,
            text: include_str!(concat!("../../../../packaging/", $source)),
            programs: $programs,
        }
    };
}

const USER: [ServiceFile; 2] = [
    file!(
        "owlcodad.service",
        "systemd/user/owlcodad.service",
        PROGRAMS
    ),
    file!("owlcodad.socket", "systemd/user/owlcodad.socket", PROGRAMS),
];

const SYSTEM: [ServiceFile; 5] = [
    file!(
        "systemd/system/owlcodad.service",
        "systemd/owlcodad.service",
        PROGRAMS
    ),
    file!(
        "systemd/system/owlcodad.socket",
        "systemd/owlcodad.socket",
        PROGRAMS
    ),
    file!(
        "systemd/system/owlcodad-control.socket",
        "systemd/owlcodad-control.socket",
        PROGRAMS
    ),
    file!(
        "sysusers.d/owlcoda.conf",
        "sysusers.d/owlcoda.conf",
        PROGRAMS
    ),
    file!(
        "tmpfiles.d/owlcoda.conf",
        "tmpfiles.d/owlcoda.conf",
        PROGRAMS
    ),
];

const LAUNCHD: [ServiceFile; 1] = [file!(
    "dev.owlcoda.owlcodad.plist",
    "launchd/dev.owlcoda.owlcodad.plist",
    "/usr/local/bin"
)];

/// Which service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    User,
    System,
    Launchd,
}

impl ServiceFile {
    /// The text where the programs are in `dir`.
    pub(super) fn text_for(&self, dir: &Path) -> String {
        // What a unit would read as something else stays out of it.
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
        match dir.to_str() {
            Some(dir) if dir.chars().all(is_plain) => {
                let from = format!("{}/owl", self.programs);
                self.text.replace(&from, &format!("{dir}/owl"))
            }
            _ => self.text.to_owned(),
        }
    }
}

impl Kind {
    pub(super) const fn of(args: &KindArgs) -> Self {
        if args.system {
            Self::System
        } else if args.launchd {
            Self::Launchd
        } else {
            Self::User
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::System => "system",
            Self::Launchd => "launchd",
        }
    }

    pub(super) const fn files(self) -> &'static [ServiceFile] {
        match self {
            Self::User => &USER,
            Self::System => &SYSTEM,
            Self::Launchd => &LAUNCHD,
        }
    }

    /// The directory that the files are below. None where the user has no home.
    pub(super) fn base(self, environment: &Environment) -> Option<PathBuf> {
        let home = || environment.home.as_ref().map(PathBuf::from);
        match self {
            Self::User => {
                let config = environment.xdg_config_home.as_ref().map(PathBuf::from);
                let config = config.filter(|dir| dir.is_absolute());
                let config = config.or_else(|| home().map(|home| home.join(".config")));
                config.map(|config| config.join("systemd/user"))
            }
            Self::System => Some(PathBuf::from("/etc")),
            Self::Launchd => home().map(|home| home.join("Library/LaunchAgents")),
        }
    }

    /// What starts it after its files were written.
    pub(super) fn start(self) -> Vec<String> {
        let commands: &[&str] = match self {
            Self::User => &[
                "systemctl --user daemon-reload",
                "systemctl --user enable --now owlcodad.socket owlcodad.service",
                "loginctl enable-linger      # it then runs while you are not logged in, too",
            ],
            Self::System => &[
                "systemd-sysusers && systemd-tmpfiles --create owlcoda.conf",
                "systemctl daemon-reload",
                "systemctl enable --now owlcodad.socket owlcodad-control.socket owlcodad.service",
                "adduser NAME owlcoda        # may look; and owlcoda-admin, too: may do everything",
            ],
            Self::Launchd => &[
                "launchctl bootstrap gui/$(id -u) ~/Library/LaunchAgents/dev.owlcoda.owlcodad.plist",
            ],
        };
        commands
            .iter()
            .map(|command| (*command).to_owned())
            .collect()
    }

    /// What tells how it runs.
    pub(super) fn ask(self) -> Vec<String> {
        let command = match self {
            Self::User => "systemctl --user status owlcodad.service owlcodad.socket",
            Self::System => {
                "systemctl status owlcodad.service owlcodad.socket owlcodad-control.socket"
            }
            Self::Launchd => "launchctl print gui/$(id -u)/dev.owlcoda.owlcodad",
        };
        vec![command.to_owned()]
    }

    pub(super) fn how_to_install(self) -> String {
        format!("owlctl service install --{}", self.as_str())
    }

    /// What to run once its files are gone.
    pub(super) fn after_removal(self) -> Vec<String> {
        let command = match self {
            Self::User => "systemctl --user daemon-reload",
            Self::System => "systemctl daemon-reload",
            Self::Launchd => "launchctl bootout gui/$(id -u)/dev.owlcoda.owlcodad",
        };
        vec![command.to_owned()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_are_those_that_came_with_this_one_and_nothing_else_changes() {
        for file in USER.iter().chain(&SYSTEM).chain(&LAUNCHD) {
            assert_eq!(
                file.text_for(Path::new(file.programs)),
                file.text,
                "{}",
                file.path
            );
            let elsewhere = file.text_for(Path::new("/opt/owl-1.0/bin"));
            assert!(
                !elsewhere.contains(&format!("{}/owl", file.programs)),
                "{elsewhere}"
            );
            let back = elsewhere.replace("/opt/owl-1.0/bin/owl", &format!("{}/owl", file.programs));
            assert_eq!(back, file.text, "{}", file.path);
            // A name that a unit would take for something else.
            assert_eq!(file.text_for(Path::new("/home/a b/%h/bin")), file.text);
        }
        assert!(
            USER[0]
                .text_for(Path::new("/opt/bin"))
                .contains("ExecStart=/opt/bin/owlcodad serve")
        );
    }

    #[test]
    fn each_service_has_its_place() {
        let environment = |xdg: Option<&str>| Environment {
            home: Some("/home/ada".into()),
            xdg_config_home: xdg.map(Into::into),
            ..Environment::default()
        };
        let none = environment(None);
        for (kind, environment, expected) in [
            (Kind::User, &none, "/home/ada/.config/systemd/user"),
            (Kind::User, &environment(Some("/cfg")), "/cfg/systemd/user"),
            (
                Kind::User,
                &environment(Some("cfg")),
                "/home/ada/.config/systemd/user",
            ),
            (Kind::System, &none, "/etc"),
            (Kind::Launchd, &none, "/home/ada/Library/LaunchAgents"),
        ] {
            assert_eq!(
                kind.base(environment),
                Some(PathBuf::from(expected)),
                "{kind:?}"
            );
        }
        assert_eq!(Kind::User.base(&Environment::default()), None);
    }
}
