# Keeps a temporary directory, and the PostgreSQL server in it, for a test process.
#
# $1: where to make the directory; $2: the directory of initdb and postgres, if there is to be a server.
# The directory's path is the first line of output. Then each line of input is an order, answered with its status.
# The end of input means that the test process has ended: then the server and the directory go too.

# Nothing but the end of input ends this script, neither a signal nor an answer that nobody reads.
trap '' HUP INT TERM PIPE

base=$1
binaries=$2
server=

directory=$(mktemp -d "$base/bibliotique-test.XXXXXX" 2>/dev/null) ||
    directory=$(mktemp -d /tmp/bibliotique-test.XXXXXX) ||
    exit 1
exec 2>"$directory/log"

# $@: further flags of initdb. --no-sync: a cluster that does not outlive its test need not survive a power cut before it starts.
initialise() {
    "$binaries/initdb" -D "$directory/data" -U postgres -A trust -E UTF8 --locale=C --no-sync "$@" </dev/null >&2
}

# fsync and synchronous_commit are what the product asks of a server, so the tests run with them.
# $1: on which address to listen besides the socket, `-` for none; the others: further flags of postgres, of which the last one counts.
start() {
    address=${1#-}
    shift
    "$binaries/postgres" -D "$directory/data" -k "$directory" -p 5432 -c listen_addresses="$address" \
        -c max_connections=300 -c shared_buffers=64MB -c fsync=on -c synchronous_commit=on "$@" </dev/null >&2 &
    server=$!
}

# Stops it, and all of its processes, in the middle of whatever they do: connections stay, and nothing comes back over them.
freeze() {
    kill -STOP "$server" $(pgrep -P "$server")
}

# They go on.
thaw() {
    kill -CONT "$server" $(pgrep -P "$server")
}

# Immediate shutdown. Asked again until it is gone, because a server that has only just begun does not listen yet.
stop() {
    [ -n "$server" ] || return 0
    # What is frozen does not hear.
    thaw
    while kill -QUIT "$server" 2>/dev/null; do sleep 0.02; done
    server=
}

echo "$directory"
while read -r order arguments; do
    case $order in
    # Words, as they are: there is no pattern in them.
    initialise | start | stop | freeze | thaw) "$order" $arguments ;;
    *) false ;;
    esac
    echo $?
done
stop
rm -rf "$directory"
