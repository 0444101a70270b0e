#!/bin/sh
# Installs OwlCoda from a release, without a compiler.
#
#   ./install.sh [--prefix DIR]               install the release around this script; a version that is there is replaced
#   ./install.sh --from PLACE [--prefix DIR]  install a tarball: a file, or an http:// or https:// address that ends in .tar.gz
#   ./install.sh [--prefix DIR] --uninstall   remove what was installed
#
#   --prefix DIR  default /usr/local for root, else ~/.local
#
# Beside a tarball lies its checksum, NAME.tar.gz.sha256. Every file is checked against SHA256SUMS, too, and nothing is
# written where one does not hold; where the disk or a right is missing half-way, the prefix is left as it was. What was
# installed is listed in PREFIX/share/owlcoda/manifest. Nothing is started: `owlctl service install` writes the units.
# Data of the daemon (~/.owlcoda) is never touched. Exit status: 0 done, 1 failed, 2 wrong arguments.
set -eu

say() { printf 'install: %s\n' "$*"; }
fail() {
  printf 'install: %s\n' "$2" >&2
  exit "$1"
}
sums() {
  if command -v sha256sum >/dev/null 2>&1; then
    sha256sum "$@"
  elif command -v shasum >/dev/null 2>&1; then
    shasum -a 256 "$@"
  else
    fail 1 "neither sha256sum nor shasum is here: nothing can be checked, and nothing was installed"
  fi
}

here=$(cd "$(dirname "$0")" && pwd)
if [ "$(id -u)" = 0 ]; then prefix=/usr/local; else prefix=${HOME:?}/.local; fi
verb=install from=''
while [ $# -gt 0 ]; do
  case $1 in
    --prefix) [ $# -ge 2 ] && [ -n "$2" ] || fail 2 "--prefix needs a directory" && prefix=$2 && shift 2 ;;
    --from) [ $# -ge 2 ] && [ -n "$2" ] || fail 2 "--from needs a tarball" && from=$2 && shift 2 ;;
    --uninstall) verb=uninstall && shift ;;
    *) fail 2 "unknown argument $1" ;;
  esac
done
case $prefix in /*) ;; *) prefix=$(pwd)/$prefix ;; esac
manifest=$prefix/share/owlcoda/manifest
next=$manifest.next

# Fetches $1 into the file $2.
fetch() {
  if command -v curl >/dev/null 2>&1; then
    curl -fsSL --retry 2 -o "$2" "$1"
  elif command -v wget >/dev/null 2>&1; then
    wget -q -O "$2" "$1"
  else
    fail 1 "neither curl nor wget is here: fetch $1 and its .sha256 by other means, and name the file with --from"
  fi
}

# Unpacks the tarball of --from, checked, and goes on with the script in it.
if [ -n "$from" ]; then
  [ "$verb" = install ] || fail 2 "--from is for an installation"
  case $from in *.tar.gz) ;; *) fail 2 "--from takes a tarball, NAME.tar.gz: $from" ;; esac
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  trap 'exit 1' INT TERM HUP
  name=$(basename "$from")
  for file in "" .sha256; do
    case $from in
      http://* | https://*)
        fetch "$from$file" "$scratch/$name$file" || fail 1 "$from$file could not be fetched; nothing was installed"
        ;;
      *)
        [ -f "$from$file" ] || fail 1 "there is no $from$file; nothing was installed"
        cp "$from$file" "$scratch/$name$file"
        ;;
    esac
  done
  expected=$(cut -d' ' -f1 <"$scratch/$name.sha256")
  found=$(sums "$scratch/$name" | cut -d' ' -f1)
  [ "$expected" = "$found" ] || fail 1 "$from is not what its checksum says (cut off, or another file); nothing was installed"
  mkdir "$scratch/release"
  tar -xzf "$scratch/$name" -C "$scratch/release" || fail 1 "$from could not be unpacked; nothing was installed"
  [ -f "$scratch/release/${name%.tar.gz}/install.sh" ] || fail 1 "$from is no release of OwlCoda; nothing was installed"
  status=0
  sh "$scratch/release/${name%.tar.gz}/install.sh" --prefix "$prefix" || status=$?
  exit "$status"
fi

# The files of the release with their places: programs and documents below the prefix, the rest beside the manifest.
place() {
  case $1 in
    bin/* | share/*) printf '%s' "$1" ;;
    lib/*) printf 'share/owlcoda/%s' "$1" ;;
    *) printf '' ;;
  esac
}
# Only what we have written, and nothing outside the prefix.
is_ours() {
  case $1 in "" | /* | *..*) return 1 ;; esac
}

if [ "$verb" = uninstall ]; then
  [ -f "$manifest" ] || fail 1 "nothing is installed in $prefix"
  while IFS= read -r path; do
    is_ours "$path" || fail 1 "the manifest $manifest is not ours; nothing was removed"
  done <"$manifest"
  while IFS= read -r path; do
    rm -f "$prefix/$path"
  done <"$manifest"
  rm -f "$manifest"
  rmdir -p "$prefix/share/owlcoda" 2>/dev/null || true
  find "$prefix/share/owlcoda" "$prefix/share/doc/owlcoda" -depth -type d -empty -delete 2>/dev/null || true
  say "removed from $prefix; the data of the daemon stays (~/.owlcoda)"
  exit 0
fi

[ -f "$here/SHA256SUMS" ] || fail 1 "no SHA256SUMS beside this script: unpack the release whole, or name a tarball with --from"
(cd "$here" && sums --check --quiet --strict SHA256SUMS) >&2 ||
  fail 1 "a file is not what the release has; nothing was installed"
if [ -f "$here/PLATFORM" ]; then
  machine="$(uname -s | tr '[:upper:]' '[:lower:]') $(uname -m)"
  made_for=$(cat "$here/PLATFORM")
  [ "$machine" = "$made_for" ] || fail 1 "this release is for $made_for, and this machine is $machine; nothing was installed"
fi

# Everything beside its place first. What fails here takes back what it has put there.
leave() {
  status=$?
  if [ -f "$next" ]; then
    while IFS= read -r path; do
      rm -f "$prefix/$path.next"
    done <"$next"
    rm -f "$next"
    find "$prefix/share/owlcoda" -depth -type d -empty -delete 2>/dev/null || true
    printf 'install: not installed; %s is as it was\n' "$prefix" >&2
  fi
  exit "$status"
}
mkdir -p "$prefix/share/owlcoda" 2>/dev/null && [ -w "$prefix/share/owlcoda" ] ||
  fail 1 "nothing can be written below $prefix: run this as root, or name another --prefix"
trap leave EXIT
trap 'exit 1' INT TERM HUP
: >"$next"
cut -c67- "$here/SHA256SUMS" | while IFS= read -r file; do
  path=$(place "$file")
  [ -n "$path" ] || continue
  printf '%s\n' "$path" >>"$next"
  mkdir -p "$(dirname "$prefix/$path")"
  # `mv` would put the file into it.
  [ ! -d "$prefix/$path" ] || { printf 'install: a directory is in the way: %s\n' "$prefix/$path" >&2 && exit 1; }
  mode=644
  case $file in bin/*) mode=755 ;; esac
  cp "$here/$file" "$prefix/$path.next"
  chmod "$mode" "$prefix/$path.next"
done
# From here on each step is a renaming. A program that runs keeps its old file.
while IFS= read -r path; do
  mv -f "$prefix/$path.next" "$prefix/$path"
done <"$next"
# What an older version had and this one has not.
if [ -f "$manifest" ]; then
  while IFS= read -r path; do
    is_ours "$path" || continue
    grep -qxF -- "$path" "$next" || rm -f "$prefix/$path"
  done <"$manifest"
fi
mv "$next" "$manifest"
say "installed in $prefix"
case :${PATH:-}: in *":$prefix/bin:"*) ;; *) say "put $prefix/bin into PATH" ;; esac
say "next: owlctl init, then owlcodad serve, or owlctl service install"
