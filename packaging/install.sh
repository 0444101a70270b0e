#!/bin/sh
# Installs OwlCoda from an unpacked release, without a compiler and without the network.
#
#   ./install.sh [--prefix DIR]              install; a version that is there is replaced
#   ./install.sh [--prefix DIR] --uninstall  remove what was installed
#
#   --prefix DIR  default /usr/local for root, else ~/.local
#
# Every file is checked against SHA256SUMS first, and nothing is written where one does not hold. What was installed is
# listed in PREFIX/share/owlcoda/manifest. Nothing is started: `owlctl service install` writes the units. Data of the
# daemon (~/.owlcoda) is never touched. Exit status: 0 done, 1 failed, 2 wrong arguments.
set -eu

say() { printf 'install: %s\n' "$*"; }
fail() {
  printf 'install: %s\n' "$2" >&2
  exit "$1"
}

here=$(cd "$(dirname "$0")" && pwd)
if [ "$(id -u)" = 0 ]; then prefix=/usr/local; else prefix=${HOME:?}/.local; fi
verb=install
while [ $# -gt 0 ]; do
  case $1 in
    --prefix) [ $# -ge 2 ] && [ -n "$2" ] || fail 2 "--prefix needs a directory" && prefix=$2 && shift 2 ;;
    --uninstall) verb=uninstall && shift ;;
    *) fail 2 "unknown argument $1" ;;
  esac
done
case $prefix in /*) ;; *) prefix=$(pwd)/$prefix ;; esac
manifest=$prefix/share/owlcoda/manifest

# The files of the release with their places: programs and documents below the prefix, the rest beside the manifest.
place() {
  case $1 in
    bin/* | share/*) printf '%s' "$1" ;;
    lib/*) printf 'share/owlcoda/%s' "$1" ;;
    *) printf '' ;;
  esac
}

remove() {
  [ -f "$manifest" ] || return 0
  while IFS= read -r path; do
    # Only what we have written, and nothing outside the prefix.
    case $path in "" | /* | *..*) fail 1 "the manifest $manifest is not ours" ;; esac
    rm -f "$prefix/$path"
  done <"$manifest"
}

if [ "$verb" = uninstall ]; then
  [ -f "$manifest" ] || fail 1 "nothing is installed in $prefix"
  remove
  rm -f "$manifest"
  rmdir -p "$prefix/share/owlcoda" 2>/dev/null || true
  find "$prefix/share/owlcoda" "$prefix/share/doc/owlcoda" -depth -type d -empty -delete 2>/dev/null || true
  say "removed from $prefix; the data of the daemon stays (~/.owlcoda)"
  exit 0
fi

[ -f "$here/SHA256SUMS" ] || fail 1 "no SHA256SUMS beside this script: unpack the release whole"
(cd "$here" && sha256sum --check --quiet --strict SHA256SUMS) >&2 ||
  fail 1 "a file is not what the release has; nothing was installed"

mkdir -p "$prefix/share/owlcoda"
next=$manifest.next
: >"$next"
cut -c67- "$here/SHA256SUMS" | while IFS= read -r file; do
  path=$(place "$file")
  [ -n "$path" ] || continue
  printf '%s\n' "$path" >>"$next"
  mkdir -p "$(dirname "$prefix/$path")"
  mode=644
  case $file in bin/*) mode=755 ;; esac
  # A program that runs keeps its old file.
  cp "$here/$file" "$prefix/$path.next"
  chmod "$mode" "$prefix/$path.next"
  mv "$prefix/$path.next" "$prefix/$path"
done
# What an older version had and this one has not.
if [ -f "$manifest" ]; then
  while IFS= read -r path; do
    case $path in "" | /* | *..*) continue ;; esac
    grep -qxF -- "$path" "$next" || rm -f "$prefix/$path"
  done <"$manifest"
fi
mv "$next" "$manifest"
say "installed in $prefix"
case :${PATH:-}: in *":$prefix/bin:"*) ;; *) say "put $prefix/bin into PATH" ;; esac
say "next: owlctl init, then owlcodad serve, or owlctl service install"
