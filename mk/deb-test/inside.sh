# SPDX-License-Identifier: BSD-2-Clause
# mk/deb-test.sh's part in the Debian that it boots: as root, with systemd.

export PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive
SERVICE=baregpu-mediator
LIMIT_S=60
cd /trial || exit 1
count=0

# check NAME COMMAND...
check() {
    name=$1
    shift
    count=$((count + 1))
    echo "# $name" >&2
    if "$@" >&2; then
        echo "ok $count - $name"
    else
        echo "not ok $count - $name"
    fi
}

# until_true COMMAND...: tries for a while.
until_true() {
    tries=$((LIMIT_S * 10))
    until "$@"; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.1
    done
}

has_text() {
    grep -q -- "$1" guest.log
}

# Pictures, for longer than all of this takes: each is shown when the screen is next refreshed.
start_guest() {
    : > guest.log
    qemu-system-baregpu -M virt -cpu max -m 256M -display none -serial none -monitor none \
        -semihosting-config enable=on,target=native -kernel kernel.elf \
        -append 'run=pvgpu count=100000 frames=36000 width=320 height=200 console=semihosting' \
        -device pvgpu,backend_pipe=/run/baregpu/pvgpu.sock > guest.log 2>&1 < /dev/null &
    guest=$!
    until_true has_text 'each texel compared: all right'
}

# It would say what failed, and end.
end_guest() {
    kill -0 "$guest" && ! has_text failed || return 1
    kill "$guest"
    wait "$guest"
    true
}

sessions_go_on() {
    systemctl is-active $SERVICE && baregpu-mediator --status --config /etc/baregpu/mediator.ini > status.json &&
        grep -q '"session": 1,' status.json
}

kill_daemon() {
    main=$(systemctl show -p MainPID --value $SERVICE)
    kill -KILL "$main"
    until_true another_main
}

another_main() {
    now=$(systemctl show -p MainPID --value $SERVICE)
    [ "$now" != "$main" ] && [ "$now" != 0 ] && systemctl is-active $SERVICE
}

change_configuration() {
    printf 'weight = 200\n' >> /etc/baregpu/mediator.ini
    systemctl reload $SERVICE && until_true journal_has 'the configuration was read anew'
}

# There is no journal here: the log is the service's own file.
journal_has() {
    grep -q -- "$1" daemon.log
}

upgrade() {
    apt-get -q install -y --no-install-recommends /trial/next/*.deb && dpkg -s $SERVICE | grep '^Version: .*+next'
}

removed() {
    apt-get -q purge -y baregpu-mediator baregpu-tools libbaregpu-dev qemu-system-baregpu || return 1
    for path in /usr/sbin/baregpu-mediator /usr/lib/baregpu /usr/lib/qemu-baregpu /etc/baregpu \
        /run/baregpu/pvgpu.sock /var/cache/baregpu /usr/bin/baregpu-smi /usr/bin/qemu-system-baregpu; do
        [ ! -e "$path" ] || { echo "$path is left"; return 1; }
    done
    ! pgrep -f baregpu-mediator
}

mkdir -p /etc/systemd/system/$SERVICE.service.d
printf '[Service]\nStandardError=append:/trial/daemon.log\n' > /etc/systemd/system/$SERVICE.service.d/log.conf
systemctl daemon-reload
check 'the units are as systemd wants them' systemd-analyze verify --man=no $SERVICE.service
check 'the sockets are there' systemctl start $SERVICE.socket
check 'a guest starts the service' start_guest
check 'the service runs' systemctl is-active $SERVICE
check 'it is not root' test "$(ps -o user= -p "$(systemctl show -p MainPID --value $SERVICE)")" = baregpu
check 'baregpu-smi shows it' baregpu-smi -L
check 'its configuration is read anew' change_configuration
check 'it is restarted' systemctl restart $SERVICE
check 'the session goes on' sessions_go_on
check 'it is killed, and started by systemd' kill_daemon
check 'the session goes on after that' sessions_go_on
check 'it is upgraded' upgrade
check 'the session goes on in the new version' sessions_go_on
check 'the guest has noticed nothing' end_guest
check 'a changed configuration is kept' grep -q 'weight = 200' /etc/baregpu/mediator.ini
check 'the library is found' pkg-config --exists --print-errors baregpu
check 'it is stopped' systemctl stop $SERVICE.socket $SERVICE.service
check 'all is removed' removed
echo "1..$count"
