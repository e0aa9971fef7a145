# SPDX-License-Identifier: MIT
"""The floors of the house: which file stands on which, as data.

Components from the ground up; in each one its layers, lowest first, and its files (without suffix;
a header and its .c are one). A file may include its own layer and lower ones. A file that is not
listed here does not exist: whoever adds one decides where it stands.
"""

# component -> layer -> files
LAYERS = {
    "lib": {
        "pure": "base dotenv error intake-frame json json-write list meaning text units",
        "io": "clock daemon fd file http-client log loop paths service-manager spawn"
              " transit wall-timer",
    },
    "lib/varlink": {
        "pure": "frames message",
        "io": "call call-state client idl link listener server service wire",
    },
    "config": {
        "pure": "address edit limits mask model pattern place plan probe sandbox scalar"
                " secret template vector",
        # From the text of a file to a model; looks at the disk to check scripts and folders.
        "reading": "check check-files check-later check-references dialect document interpolate"
                   " load lookup parse parse-command parse-hook parse-limits parse-port"
                   " parse-probe parse-process parse-section parse-value",
        "storing": "revision",
    },
    "supervisor": {
        "model": "budget caps cgroup-text group-limits launch numbers order ring sandbox"
                 " slice-defaults slot unit-found unit-name unit-properties unit-record"
                 " unit-sandbox unit-state",
        "adapter": "bus bus-library cgroup-library cgroup-remove cgroup-tree collector-link"
                   " confirmations control-socket crowd delegation"
                   " desired disk enter-unit environment events exit-report exit-store gauge"
                   " going-down identity json-lines keeper-link launcher launcher-direct"
                   " launcher-systemd launchers listeners log-keeping meter oom-victim orphans"
                   " own-cgroup"
                   " prober prober-exec prober-helper prober-log proc process process-limits"
                   " readiness ring-file run-files slice-keeping sockets spec-file strangers"
                   " timeline unit-bus unit-cgroup unit-message unit-watch",
        "core": "adopt announce apply groups limits manager operation own sampler service"
                " service-context service-hearing service-keeper settle surroundings",
        "main": "api describe main numbers-answer stream",
    },
    "supervisor/keeper": {
        "pure": "backoff cause control-frame exit-frame machine notice request revival"
                " snapshot-frame spec-format text",
        "adapter": "address cgroup child clock confine control ending life mailbox notify"
                   " options page pipes relay reserve say sockets spawn spec store sweep tree"
                   " unit",
        "main": "bulletin handover heritage keeper loop main requests will",
    },
    "supervisor/probe": {
        "pure": "probe-frame",
        "adapter": "http target tcp",
        "main": "main tasks",
    },
    "log": {
        "model": "catalog cursor event filter frame gap heap index le32 line-json line-table lines"
                   " lives pace pattern program retention rotate search seek-table shares"
                   " stream-id",
        "adapter": "blob board examine feed follow frame-cache index-scan inlet mend packed"
                   " packing peek pipe-slot pour prune query reel segment segment-view"
                   " services stocktake store stream tape tape-seek writer",
        "main": "api housekeeper housekeeper-child intake job main pipe read reader"
                   " reader-child verify",
    },
    "cli": {
        "pure": "cgroup-facts options words",
        "showing": "findings log-line log-skipped service-table style table usage-table"
                   " why-words",
        "reaching": "command connect follow layout log-direct log-source names outermost pager"
                    " print progress stand-in store-check unit",
        "verb": "add complete config config-file control doctor down events foreground help limits"
                " log ls main metrics renew status top up why",
    },
}

# component -> other components whose headers it may include, with the highest layer of theirs.
# No daemon is in another's row: they know each other by their .varlink files only.
USES = {
    "lib": {},
    "lib/varlink": {"lib": "io"},
    "config": {"lib": "io"},
    "supervisor": {"lib": "io", "lib/varlink": "io", "config": "storing"},
    "supervisor/probe": {"lib": "io"},
    "log": {"lib": "io", "lib/varlink": "io"},
    "cli": {"lib": "io", "lib/varlink": "io", "config": "reading"},
}

# component -> headers of others that it may include beside that: contracts, each with its reason.
CONTRACTS = {
    "supervisor": (
        # The control socket and the spec are what supervisor and keeper agree on.
        "supervisor/keeper/control-frame.h", "supervisor/keeper/exit-frame.h",
        "supervisor/keeper/snapshot-frame.h", "supervisor/keeper/spec-format.h",
        # What the prober asks its helper, and what that answers.
        "supervisor/probe/probe-frame.h",
    ),
}

# A layer of these names decides: it is handed the time and the event, and touches nothing.
PURE_LAYERS = ("pure", "model")
NOT_PURE = (
    "dirent.h", "fcntl.h", "netdb.h", "poll.h", "pthread.h", "spawn.h", "syslog.h", "time.h",
    "sys/epoll.h", "sys/file.h", "sys/inotify.h", "sys/ioctl.h", "sys/mman.h", "sys/mount.h",
    "sys/prctl.h", "sys/random.h", "sys/resource.h", "sys/signalfd.h", "sys/socket.h",
    "sys/stat.h", "sys/statvfs.h", "sys/syscall.h", "sys/time.h", "sys/timerfd.h", "sys/uio.h",
    "sys/un.h", "sys/vfs.h",
)

# prefix of a third-party header -> (folder in which it may be included, how many files may)
THIRD_PARTY = {
    "event2/": ("lib/", None),
    "systemd/sd-bus.h": ("supervisor/", 1),
    "libcgroup.h": ("supervisor/", 1),
    "zstd.h": ("log/", 1),
    "git2.h": ("ci/git/", 1),
    "git2/": ("ci/git/", 0),
}

# The keeper must never be wrong, so it links nothing: libc, and two headers of ours.
BARE = "supervisor/keeper/"
BARE_HEADERS = ("lib/base.h", "lib/intake-frame.h")
BARE_FORBIDDEN = ("event2/", "jansson.h", "systemd/", "libcgroup.h", "zstd.h", "git2")
