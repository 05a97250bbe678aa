#!/bin/sh
# build.sh - static CGI programs on musl, with a libsodium of their own
#
# usage: bench/musl/build.sh TOP BUILD
#
# libsodium is built in BUILD from the distribution's own source package,
# without the CPU-specific variants; what was built once is used again.
# Exit code 1, and one line that says why, if it cannot be.
set -u

top=$1
mkdir -p "$2" || exit 1
build=$(cd "$2" && pwd) || exit 1
log=$build/build.log
: >"$log"

give_up() {
	echo "musl: $*"
	exit 1
}

# A list of sources of our own: /etc/apt is read, never written.
fetch() {
	uri=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' \
	    'Created-By: Packages' 'Component: main' 'Origin: Debian' |
	    awk '$2 !~ /-/ { print; exit }')
	if [ -z "$uri" ]; then
		echo "no list of packages is here: apt-get update makes one"
		return 1
	fi
	signed=/usr/share/keyrings/debian-archive-keyring.gpg
	[ -f "$signed" ] || signed=
	mkdir -p apt/lists/partial apt/archives/partial src || return
	echo "deb-src ${signed:+[signed-by=$signed] }$uri main" >apt/list
	set -- -qq -o "Dir::Etc::SourceList=$build/apt/list" \
	    -o Dir::Etc::SourceParts=/dev/null -o APT::Sandbox::User=root \
	    -o "Dir::State::Lists=$build/apt/lists" \
	    -o "Dir::Cache=$build/apt"
	apt-get "$@" update && cd src && apt-get "$@" source libsodium
}

sodium() {
	for dir in src/libsodium-*/; do
		cd "$build/$dir" || return
	done
	autoreconf -fi &&
	    CC=musl-gcc CFLAGS='-O2 -ffunction-sections -fdata-sections' \
	    ./configure --host=x86_64-linux-musl --disable-shared \
	    --disable-asm --disable-pie --disable-ssp \
	    --prefix="$build/sodium" &&
	    make -C src -j"$(nproc)" install
}

# program NAME SOURCE...: with the library and libsodium, nothing unused
program() {
	name=$1
	shift
	# shellcheck disable=SC2086 # flags, apart
	musl-gcc $flags -static -Wl,--gc-sections -o "$name" "$@" \
	    libsecurestate.a sodium/lib/libsodium.a && strip "$name"
}

programs() {
	flags="-std=c11 -D_GNU_SOURCE -DNDEBUG -Os -ffunction-sections
	    -fdata-sections -fno-asynchronous-unwind-tables -fno-unwind-tables
	    -I$build/sodium/include -I$top/include -I$top/src"
	rm -rf obj libsecurestate.a
	mkdir -p obj || return
	for source in "$top"/src/*/*.c; do
		object=${source#"$top"/src/}
		object=obj/$(echo "${object%.c}" | tr / _).o
		# shellcheck disable=SC2086 # flags, apart
		musl-gcc $flags -c -o "$object" "$source" || return
	done
	# No drivers but the two, and none is loaded.
	sed 's/@[A-Z_]*@//' "$top/cmake/builtin.c.in" >builtin.c || return
	# shellcheck disable=SC2086 # flags, apart
	musl-gcc $flags -c -o obj/builtin.o builtin.c || return
	ar rcs libsecurestate.a obj/*.o &&
	    program cgi_session_musl "$top/bench/cgi_session.c" \
	    "$top/bench/unit.c" &&
	    program cgi_bare_musl "$top/bench/cgi_bare.c" \
	    "$top/bench/proto.c" &&
	    program cgi_trivial_musl "$top/bench/cgi_trivial.c"
}

[ "$(uname -m)" = x86_64 ] || give_up "not tried on $(uname -m)"
for tool in musl-gcc autoreconf libtoolize make; do
	command -v $tool >/dev/null || give_up "no $tool"
done
cd "$build" || exit 1
if [ ! -f sodium/lib/libsodium.a ]; then
	rm -rf src
	(fetch) >>"$log" 2>&1 || give_up "no source of libsodium: see $log"
	(sodium) >>"$log" 2>&1 || give_up "libsodium does not build: see $log"
fi
programs >>"$log" 2>&1 || give_up "the library does not build: see $log"
