#!/bin/bash
# Benign faults of the linux profile change nothing that correct programs say:
# nginx (edge-triggered), haproxy (hangups) in front of it, memcached, busybox
# httpd, curl and wget, for a row of seeds each.
# usage: quiet.sh SOCKFAULT [SEEDS]
set -eu

sockfault=$1
seeds=${2:-5}
work=$(mktemp -d)
servers=()
bad=0
PATH=$PATH:/usr/sbin

stop() {
    local pid
    for pid in "${servers[@]}"; do
        kill "$pid" 2>/dev/null || true
    done
    for pid in "${servers[@]}"; do
        wait "$pid" 2>/dev/null || true
    done
    servers=()
}
trap 'stop; rm -rf "$work"' EXIT

# Below the ports that the kernel gives out by itself.
base=$((20000 + $$ % 9000))
web=$base
proxy=$((base + 1))
cache=$((base + 2))
box=$((base + 3))

head -c 70000 /dev/urandom | od -x >"$work/file"
cat >"$work/nginx.conf" <<EOF
daemon off; master_process off; pid $work/nginx.pid; error_log /dev/null;
events { use epoll; worker_connections 64; }
http { access_log off; client_body_temp_path $work/t1; proxy_temp_path $work/t2;
fastcgi_temp_path $work/t3; uwsgi_temp_path $work/t4; scgi_temp_path $work/t5;
sendfile on; server { listen 127.0.0.1:$web; root $work; } }
EOF
cat >"$work/haproxy.cfg" <<EOF
defaults
  mode http
  timeout connect 9s
  timeout client 9s
  timeout server 9s
listen here
  bind 127.0.0.1:$proxy
  server there 127.0.0.1:$web
EOF

up() {
    local tries
    for tries in {1..100}; do
        : 2>/dev/null </dev/tcp/127.0.0.1/"$1" && return
        sleep 0.05
    done
    echo "quiet.sh: nothing listens on $1 after $tries tries" >&2
    exit 1
}

# serve PORT COMMAND...: in the background, faults in front of it if any.
serve() {
    local port=$1
    shift
    "$@" >"$work/log" 2>&1 &
    servers+=($!)
    up "$port"
}

client() {
    case $1 in
    web) curl -s "http://127.0.0.1:$web/file" "http://127.0.0.1:$web/no" ;;
    proxy) curl -s "http://127.0.0.1:$proxy/file" ;;
    wget) wget -q -O - "http://127.0.0.1:$web/file" ;;
    box) curl -s "http://127.0.0.1:$box/file" ;;
    cache)
        {
            for i in {1..30}; do
                printf 'set k%d 0 0 10\r\n0123456789\r\nget k%d\r\n' "$i" "$i"
            done
            printf 'quit\r\n'
        } >"$work/commands"
        curl -s --max-time 20 "telnet://127.0.0.1:$cache" <"$work/commands"
        ;;
    esac
}

# compare NAME WHAT PREFIX...: the client under faults says the same.
compare() {
    local name=$1 what=$2
    shift 2
    client "$what" >"$work/out" || {
        echo "quiet.sh: $name: the client ended with $?" >&2
        bad=1
    }
    cmp -s "$work/$what" "$work/out" || {
        echo "quiet.sh: $name: not the same" >&2
        bad=1
    }
}

have() {
    command -v "$1" >/dev/null
}

# with PREFIX...: all servers, with faults in front of them or not.
with() {
    have nginx && serve "$web" "$@" nginx -c "$work/nginx.conf"
    have nginx && have haproxy &&
        serve "$proxy" "$@" haproxy -f "$work/haproxy.cfg"
    have memcached && serve "$cache" "$@" memcached -u nobody -t 1 \
        -l 127.0.0.1 -p "$cache"
    have busybox && serve "$box" "$@" busybox httpd -f -p "127.0.0.1:$box" \
        -h "$work"
    return 0
}

whats=()
have nginx && whats+=(web wget)
have nginx && have haproxy && whats+=(proxy)
have memcached && whats+=(cache)
have busybox && whats+=(box)
have curl && have wget && [[ ${#whats[@]} -gt 0 ]] || exit 77

with env
for what in "${whats[@]}"; do
    client "$what" >"$work/$what"
done
for seed in $(seq "$seeds"); do
    for what in "${whats[@]}"; do
        tool=curl
        [[ $what == wget ]] && tool=wget
        eval "$tool() { '$sockfault' run -q --seed $seed --rate 0.3 -- \
            $(command -v "$tool") \"\$@\"; }"
        compare "client of $what, seed $seed" "$what"
        unset -f "$tool"
    done
done
stop

for seed in $(seq "$seeds"); do
    with "$sockfault" run -q --seed "$seed" --rate 0.3 \
        --trace "$work/$seed.trace" --
    for what in "${whats[@]}"; do
        compare "server of $what, seed $seed" "$what"
    done
    stop
    grep -h finding: "$work/log" && bad=1
done
exit $bad
