#!/bin/bash
# Benign faults of the linux profile change nothing that correct programs say:
# each of a row of servers, and of clients, for each of a row of seeds.  What
# is not installed is left out, and said.
# usage: quiet.sh SOCKFAULT [SEEDS [PROGRAM...]]
set -eu

sockfault=$1
seeds=${2:-${SOCKFAULT_SEEDS:-5}}
shift $(($# < 2 ? $# : 2))
work=$(mktemp -d)
chmod 755 "$work"
servers=()
bad=0
PATH=$PATH:/usr/sbin

# Each server is a group, of which nothing stays.
set -m
stop() {
    local pid
    for pid in "$@"; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
        kill -KILL -- "-$pid" 2>/dev/null || true
    done
}
trap 'stop "${servers[@]}"; rm -rf "$work"' EXIT

# Seen in the table of sockets, so that no connection is spent on it.
listens() {
    local pattern
    printf -v pattern ':%04X 00000000:0000 0A' "$1"
    grep -q "$pattern" /proc/net/tcp
}

# Into port: below those that the kernel gives out by itself, and nobody's.
port=$((20000 + $$ % 9000))
next_port() {
    port=$((port + 1))
    while listens "$port"; do
        port=$((port + 1))
    done
}

# --- the programs: how each is started, and what one says to it ---

# What the others fetch: never under faults.
head -c 70000 /dev/urandom | od -x >"$work/file"
printf 'a small one\n' >"$work/small"

start_nginx() {
    cat >"$work/nginx.conf" <<END
daemon off; master_process off; pid $work/nginx.pid; error_log /dev/null;
events { use epoll; worker_connections 64; }
http { access_log off; client_body_temp_path $work/t1; proxy_temp_path $work/t2;
fastcgi_temp_path $work/t3; uwsgi_temp_path $work/t4; scgi_temp_path $work/t5;
sendfile on; server { listen 127.0.0.1:$port; root $work; } }
END
    exec "$@" nginx -c "$work/nginx.conf"
}
start_haproxy() {
    cat >"$work/haproxy.cfg" <<END
defaults
  mode http
  timeout connect 9s
  timeout client 9s
  timeout server 9s
listen here
  bind 127.0.0.1:$port
  server there 127.0.0.1:$web
END
    exec "$@" haproxy -f "$work/haproxy.cfg"
}
start_busybox() {
    exec "$@" busybox httpd -f -p "127.0.0.1:$port" -h "$work"
}
start_memcached() {
    exec "$@" memcached -u nobody -t 1 -l 127.0.0.1 -p "$port"
}
start_redis-server() {
    exec "$@" redis-server --port "$port" --bind 127.0.0.1 --save '' \
        --dir "$work"
}
start_beanstalkd() {
    exec "$@" beanstalkd -l 127.0.0.1 -p "$port"
}
start_tinyproxy() {
    printf '%s\n' "Port $port" "Listen 127.0.0.1" "Timeout 20" \
        "MaxClients 10" "Allow 127.0.0.1" "DisableViaHeader Yes" \
        >"$work/tinyproxy.conf"
    exec "$@" tinyproxy -d -c "$work/tinyproxy.conf"
}
start_stunnel() {
    [[ -s $work/pem ]] ||
        openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
            -keyout "$work/key" -out "$work/cert" 2>/dev/null
    cat "$work/key" "$work/cert" >"$work/pem"
    chmod 600 "$work/pem"
    printf '%s\n' "foreground = yes" "pid =" "[web]" "cert = $work/pem" \
        "accept = 127.0.0.1:$port" "connect = 127.0.0.1:$web" \
        >"$work/stunnel.conf"
    exec "$@" stunnel "$work/stunnel.conf"
}
start_vsftpd() {
    mkdir -p "$work/empty" "$work/ftp"
    cp -p "$work/file" "$work/ftp" # a listing has its time
    printf '%s\n' listen=YES "listen_port=$port" listen_address=127.0.0.1 \
        background=NO anonymous_enable=YES "anon_root=$work/ftp" \
        no_anon_password=YES seccomp_sandbox=NO \
        "secure_chroot_dir=$work/empty" xferlog_enable=NO >"$work/vsftpd.conf"
    [[ $(id -u) -eq 0 ]] || echo run_as_launching_user=YES >>"$work/vsftpd.conf"
    exec "$@" vsftpd "$work/vsftpd.conf"
}

# Whole lines to a server that closes after the last one.
converse() {
    exec 3<>/dev/tcp/127.0.0.1/"$port"
    cat >&3
    timeout 20 cat <&3
}

fetch() {
    curl -s --max-time 20 "$@"
}

use_nginx() {
    fetch "http://127.0.0.1:$port/file" "http://127.0.0.1:$port/no"
}
use_haproxy() {
    fetch "http://127.0.0.1:$port/file" "http://127.0.0.1:$port/small"
}
use_busybox() {
    fetch "http://127.0.0.1:$port/file" "http://127.0.0.1:$port/small?"[1-9]
}
use_memcached() {
    {
        for i in {1..30}; do
            printf 'set k%d 0 0 10\r\n0123456789\r\nget k%d\r\n' "$i" "$i"
        done
        printf 'quit\r\n'
    } | converse
}
use_redis-server() {
    for i in {1..15}; do # it reads all there is: once a connection
        printf 'SET k%d 0123456789\r\nGET k%d\r\nRPUSH l %d\r\nQUIT\r\n' \
            "$i" "$i" "$i" | converse
    done
    printf 'LRANGE l 0 -1\r\nNOSUCH\r\nQUIT\r\n' | converse
}
use_beanstalkd() {
    {
        for i in {1..20}; do
            printf 'put 0 0 60 5\r\njob%02d\r\nreserve\r\ndelete %d\r\n' \
                "$i" "$i"
        done
        printf 'quit\r\n'
    } | converse
}
use_tinyproxy() {
    fetch -x "http://127.0.0.1:$port" "http://127.0.0.1:$web/file" \
        "http://127.0.0.1:$web/small"
}
use_stunnel() {
    fetch -k "https://127.0.0.1:$port/file"
}
use_vsftpd() {
    fetch "ftp://127.0.0.1:$port/file" "ftp://127.0.0.1:$port/"
}
run_curl() {
    "$@" curl -s --max-time 20 "http://127.0.0.1:$web/file" \
        "http://127.0.0.1:$web/no"
}
run_wget() {
    "$@" wget -q -T 20 -O - "http://127.0.0.1:$web/file" \
        "http://127.0.0.1:$web/small"
}

# --- one run ---

up() {
    local tries
    for tries in {1..400}; do
        ! listens "$1" || return 0
        sleep 0.02
    done
    echo "quiet.sh: nothing listens on $1 after $tries tries" >&2
    return 1
}

# server NAME PREFIX...: start it, use it, end it; what it said in out.
server() {
    local name=$1 pid status=0
    shift
    next_port
    ("start_$name" "$@") >"$work/log" 2>&1 &
    pid=$!
    servers[1]=$pid
    up "$port" || status=1
    (use_"$name") >"$work/out" 2>/dev/null || status=$?
    stop "$pid"
    unset 'servers[1]'
    echo "status $status" >>"$work/out"
}

client() {
    local name=$1 status=0
    shift
    "run_$name" "$@" >"$work/out" 2>"$work/log" || status=$?
    echo "status $status" >>"$work/out"
}

fail() {
    echo "quiet.sh: $*" >&2
    bad=1
}

# Faults that the summary in the log tells of.
faults() {
    sed -n 's/.*, \([0-9]*\) faults\{0,1\}.*/\1/p' "$work/log" | head -1
}

# try HOW NAME: clean twice, and then each seed.
try() {
    local how=$1 name=$2 seed total=0
    "$how" "$name" env
    mv "$work/out" "$work/clean"
    "$how" "$name" env
    cmp -s "$work/clean" "$work/out" && grep -q 'status 0' "$work/out" || {
        fail "$name: without faults it is not the same twice"
        return
    }
    for seed in $(seq "$seeds"); do
        "$how" "$name" "$sockfault" run --seed "$seed" --rate 0.3 \
            --trace "$work/trace" --
        total=$((total + $(faults || echo 0)))
        cmp -s "$work/clean" "$work/out" ||
            fail "$name: seed $seed: it says something else"
        ! grep -h finding: "$work/log" || fail "$name: seed $seed: a finding"
    done
    [[ $total -gt 0 || $seeds -lt 5 ]] || fail "$name: not one fault"
    echo "quiet.sh: $name: $seeds seeds, $total faults"
}

have() {
    command -v "$1" >/dev/null
}

if ! have busybox || ! have curl; then
    echo "quiet.sh: busybox and curl are needed" >&2
    exit 77
fi
next_port
web=$port
busybox httpd -f -p "127.0.0.1:$web" -h "$work" &
servers[0]=$!
up "$web"

[[ $# -gt 0 ]] || set -- nginx haproxy busybox memcached redis-server \
    beanstalkd tinyproxy stunnel vsftpd curl wget
for name in "$@"; do
    if ! have "$name"; then
        echo "quiet.sh: $name: not installed, left out"
    elif [[ $(type -t "run_$name") == function ]]; then
        try client "$name"
    else
        try server "$name"
    fi
done
exit $bad
