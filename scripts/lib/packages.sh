# The Debian packages that sockfault needs, and getting what is missing.
#
# A row: what shows that it is there (a command, or a path with wildcards), the
# package, and for what: test-x86_64 is for tests on such a machine only.  A
# script asks for the purposes it has.
# shellcheck shell=bash

packages_table() {
    cat <<'END'
clang                                                  clang               build
ld.lld                                                 lld                 build
llvm-symbolizer                                        llvm                build
/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.asan-*.a libclang-rt-dev build
cmake                                                  cmake               build
ninja                                                  ninja-build         build
/usr/include/cmocka.h                                  libcmocka-dev       build
/usr/include/elfutils/libdwfl.h                        libdw-dev           build
/usr/include/json-c/json.h                             libjson-c-dev       build
jq                                                     jq                  build
afl-clang-fast                                         afl++               fuzz
afl-fuzz                                               afl++               fuzz
redis-server                                           redis-server        test
redis-cli                                              redis-tools         test
git                                                    git                 test
clang-format                                           clang-format        test
shellcheck                                             shellcheck          test
xmllint                                                libxml2-utils       test
zip                                                    zip                 test
pkg-config                                             pkg-config          test
/usr/include/event2/bufferevent.h                      libevent-dev        test
/usr/include/hiredis/hiredis.h                         libhiredis-dev      test
/usr/include/nghttp2/nghttp2.h                         libnghttp2-dev      test
/usr/include/wslay/wslay.h                             libwslay-dev        test
/usr/include/http_parser.h                             libhttp-parser-dev  test
/usr/include/uv.h                                      libuv1-dev          test
/usr/lib32/libc.a                                      libc6-dev-i386      test-x86_64
/usr/lib/gcc/x86_64-linux-gnu/*/32/libgcc.a            lib32gcc-12-dev     test-x86_64
qemu-aarch64                                           qemu-user           test-x86_64
/usr/aarch64-linux-gnu/lib/libc.a                      libc6-dev-arm64-cross test-x86_64
/usr/lib/gcc-cross/aarch64-linux-gnu/*/libgcc.a        libgcc-12-dev-arm64-cross test-x86_64
clang-19                                               clang-19            coverage
llvm-cov-19                                            llvm-19             coverage
/usr/lib/llvm-19/lib/clang/*/lib/linux/libclang_rt.profile-*.a libclang-rt-19-dev coverage
pkg-config                                             pkg-config          bench
/usr/include/event2/bufferevent.h                      libevent-dev        bench
/usr/include/uv.h                                      libuv1-dev          bench
/usr/lib/fiu/fiu_posix_preload.so                     fiu-utils             bench
/usr/lib/fiu/fiu_posix_preload.so                     fiu-utils             peers
strace                                                 strace              bench
redis-server                                           redis-server        bench
redis-benchmark                                        redis-tools         bench
END
}

packages_have() {
    case $1 in
    /*) compgen -G "$1" >/dev/null ;;
    *) command -v "$1" >/dev/null ;;
    esac
}

# packages_missing PURPOSE...: the packages of these purposes that are not here.
packages_missing() {
    local probe package purpose machine
    machine=$(uname -m)
    while read -r probe package purpose; do
        [[ " $* " == *" ${purpose%"-$machine"} "* ]] || continue
        packages_have "$probe" || say "$package"
    done < <(packages_table) | sort -u
}

# packages_root COMMAND...: as root, directly or through sudo without a
# password.
packages_root() {
    if [[ $(id -u) -eq 0 ]]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

# need PURPOSE...: install what is missing, or say what to install.
need() {
    local -a missing
    mapfile -t missing < <(packages_missing "$@")
    [[ ${#missing[@]} -gt 0 ]] || return 0
    if ! command -v apt-get >/dev/null || ! packages_root true 2>/dev/null; then
        die "missing; as root: apt-get install ${missing[*]}"
    fi
    complain "installing ${missing[*]}"
    {
        packages_root apt-get -qq update &&
            packages_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
                install --no-install-recommends "${missing[@]}"
    } >&2 </dev/null || die "apt-get could not install: ${missing[*]}"
}
