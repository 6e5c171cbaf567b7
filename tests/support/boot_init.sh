# The first process of a machine: gives it what is new at each boot, and becomes its init.
set -eu
umask 022
hostname machine
mount -t proc -o nosuid,nodev,noexec jsync-machine /proc
umount /.group
for setting in /proc/sys /proc/sysrq-trigger; do # those of the kernel that the real machine has
    [ -e $setting ] || continue
    mount --bind $setting $setting
    mount -o remount,bind,ro $setting
done
mount -t sysfs -o ro,nosuid,nodev,noexec jsync-machine /sys
mount -t cgroup2 -o nosuid,nodev,noexec jsync-machine /sys/fs/cgroup
for folder in /run /tmp; do
    mount -t tmpfs -o nosuid,nodev,mode=755 jsync-machine $folder
done
chmod 1777 /tmp
mount -t tmpfs -o nosuid,mode=755 jsync-machine /dev
mkdir /dev/pts /dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 jsync-machine /dev/pts
mount -t tmpfs -o nosuid,nodev,mode=1777 jsync-machine /dev/shm
mknod -m 666 /dev/null c 1 3
mknod -m 666 /dev/zero c 1 5
mknod -m 666 /dev/full c 1 7
mknod -m 666 /dev/random c 1 8
mknod -m 666 /dev/urandom c 1 9
mknod -m 666 /dev/tty c 5 0
ln -s pts/ptmx /dev/ptmx
ln -s /proc/self/fd /dev/fd

# A systemd that reaches the files of this machine tidies them up.
while read -r _ _ _ _ place options rest; do
    case ",$options," in *,ro,*) continue ;; esac
    case ${rest#*- } in *" jsync-machine "*) continue ;; esac
    echo "not booted: $place can be written to" >&2
    exit 1
done < /proc/self/mountinfo
[ $$ -eq 1 ] || { echo "not booted: not the first process" >&2; exit 1; }

# No modules, no clock, no hardware: whatever the init thinks that its machine needs.
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=other \
    setpriv --bounding-set -sys_module,-sys_time,-sys_rawio,-syslog,-wake_alarm,-mac_admin "$1"
