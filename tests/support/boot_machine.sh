# A machine's power supply: makes a root of its own in memory, and boots an init in it until that is switched off.
#
# sh boot_machine.sh SEED TAG INIT COPY_ON_WRITE FOLDER …
#
# SEED is copied into the root, INIT is booted, COPY_ON_WRITE seems writable there; the FOLDERs are there to be read.
# Nothing of this machine can be written to from in there: boot_init.sh looks, and refuses to boot otherwise.
set -eu
umask 022
seed=$1 tag=$2 init=$3 on_top=$4
shift 4

mount --make-rprivate /
root=$seed.root
mkdir "$root"
mount -t tmpfs -o mode=755 jsync-machine "$root"
cp -a "$seed/." "$root/"
for folder in "$@"; do
    mkdir -p "$root$folder"
    mount --bind "$folder" "$root$folder"
    mount -o remount,bind,ro "$root$folder"
done
mkdir -p "$root/.upper" "$root/.work" "$root/.group" "$root/.old"
mount -t overlay -o "lowerdir=$on_top,upperdir=$root/.upper,workdir=$root/.work" jsync-machine "$root$on_top"
mount -t cgroup2 jsync-machine "$root/.group"
mkdir -p "$root/.group/$tag/machine"

cd "$root"
mount --bind /proc proc # umount reads it
pivot_root . .old
umount -l /.old
umount -l /proc
rmdir /.old

# Who reboots as the first of its process namespace ends by SIGHUP, who powers off by SIGINT (pid_namespaces(7)).
while :; do
    code=0
    unshare --mount --uts --ipc --pid --fork --kill-child sh -c \
        'echo 0 > "/.group/$1/machine/cgroup.procs" && exec unshare --cgroup sh /boot_init.sh "$2"' sh "$tag" "$init" \
        || code=$?
    [ "$code" -eq 129 ] || exit "$code"
done
