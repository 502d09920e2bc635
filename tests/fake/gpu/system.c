/* SPDX-License-Identifier: BSD-2-Clause */
/* What the fake driver asks of the system, as gpu.c says. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/fake/gpu/system.h"

#define RM_IOCTL 0xc020462aul /* of the resource manager */
#define UVM_IOCTL 37ul

struct attempt {
    const char *name;
    int (*try)(void); /* not 0: it worked */
};

static int can_open(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);

    if (fd >= 0) {
        close(fd);
    }
    return fd >= 0;
}

/* ---- What NVIDIA's driver is known to do ---- */

static int read_maps(void)
{
    return can_open("/proc/self/maps", O_RDONLY) && can_open("/proc/meminfo", O_RDONLY);
}

static int list_processors(void)
{
    DIR *directory = opendir("/sys/devices/system/cpu");
    int found = directory != NULL && readdir(directory) != NULL;

    if (directory != NULL) {
        closedir(directory);
    }
    return found;
}

static int use_devices(void)
{
    char byte;
    int fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
    int done = fd >= 0 && read(fd, &byte, 1) == 1 && write(fd, &byte, 1) == 1;

    close(fd);
    return done;
}

/* A device that does not know them says ENOTTY. */
static int use_ioctls(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    int done = ioctl(fd, RM_IOCTL, 0) < 0 && errno == ENOTTY && ioctl(fd, UVM_IOCTL, 0) < 0 &&
               errno == ENOTTY;

    close(fd);
    return done;
}

/* As it loads its compiler, from beside itself. */
static int load_library(void)
{
    Dl_info self;
    struct stat status;

    if (dladdr((void *)(uintptr_t)load_library, &self) == 0) {
        return 0;
    }
    int fd = open(self.dli_fname, O_RDONLY | O_CLOEXEC);
    void *code = MAP_FAILED;
    if (fd >= 0 && fstat(fd, &status) == 0) {
        code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
    }
    close(fd);
    return code != MAP_FAILED && munmap(code, 4096) == 0;
}

static void *name_thread(void *unused)
{
    prctl(PR_SET_NAME, "fake-event");
    return unused;
}

static int make_thread(void)
{
    pthread_t thread;

    return pthread_create(&thread, NULL, name_thread, NULL) == 0 && pthread_join(thread, NULL) == 0;
}

static int make_events(void)
{
    int event = eventfd(0, EFD_CLOEXEC), epoll = epoll_create1(EPOLL_CLOEXEC), pipes[2];
    struct epoll_event wanted = {.events = EPOLLIN};
    int done = event >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, event, &wanted) == 0 &&
               pipe2(pipes, O_CLOEXEC) == 0;

    if (done) {
        close(pipes[0]);
        close(pipes[1]);
    }
    close(epoll);
    close(event);
    return done;
}

static int listen_for_debugger(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "\0fake-debugger"};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    int done = bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, 1) == 0;

    close(fd);
    return done;
}

static int ask_for_processors(void)
{
    cpu_set_t set;

    return sched_getaffinity(0, sizeof(set), &set) == 0 && sysconf(_SC_NPROCESSORS_ONLN) > 0;
}

static const struct attempt needs[] = {
    {"maps", read_maps},      {"processors", list_processors}, {"affinity", ask_for_processors},
    {"devices", use_devices}, {"ioctls", use_ioctls},          {"library", load_library},
    {"thread", make_thread},  {"events", make_events},         {"debugger", listen_for_debugger},
};

/* ---- What whoever took it over would do ---- */

static int read_file(void)
{
    return can_open("/etc/passwd", O_RDONLY) || can_open("/root", O_RDONLY);
}

static int write_file(void)
{
    return can_open("/tmp/fake", O_RDWR | O_CREAT) || can_open("/fake", O_RDWR | O_CREAT);
}

static int make_process(void)
{
    long child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

    if (child == 0) {
        _exit(0);
    }
    return child > 0;
}

static int run_program(void)
{
    char *const arguments[] = {(char *)"true", NULL};

    execv("/proc/self/exe", arguments);
    return 0;
}

static int reach_network(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static int write_code(void)
{
    int both = PROT_READ | PROT_WRITE | PROT_EXEC;
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return mmap(NULL, 4096, both, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED ||
           mprotect(memory, 4096, PROT_READ | PROT_EXEC) == 0;
}

static int signal_mediator(void)
{
    return kill((pid_t)atoi(getenv("FAKE_GPU_ATTACK")), 0) == 0;
}

static int see_others(void)
{
    DIR *directory = opendir("/proc");
    int others = 0;

    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        others += atoi(entry->d_name) > 0 && atoi(entry->d_name) != getpid();
    }
    if (directory != NULL) {
        closedir(directory);
    }
    return others;
}

static int trace(void)
{
    return ptrace(PTRACE_TRACEME, 0, 0, 0) == 0;
}

static int make_namespace(void)
{
    return unshare(CLONE_NEWUSER) == 0;
}

static int type_into_terminal(void)
{
    return ioctl(STDERR_FILENO, TIOCSTI, "x") == 0 || errno != EPERM;
}

static const struct attempt attacks[] = {
    {"read", read_file},
    {"write", write_file},
    {"process", make_process},
    {"program", run_program},
    {"network", reach_network},
    {"code", write_code},
    {"signal", signal_mediator},
    {"others", see_others},
    {"trace", trace},
    {"namespace", make_namespace},
    {"terminal", type_into_terminal},
};

static void try_all(const struct attempt *attempts, unsigned count, const char *kind)
{
    for (unsigned i = 0; i < count; i++) {
        fprintf(stderr, "fake GPU: %s %s %s\n", kind, attempts[i].name,
                attempts[i].try() ? "works" : "fails");
    }
    fprintf(stderr, "fake GPU: %s tried\n", kind);
}

void fake_use_system(void)
{
    if (getenv("FAKE_GPU_SYSTEM") != NULL) {
        try_all(needs, sizeof(needs) / sizeof(needs[0]), "system");
    }
    if (getenv("FAKE_GPU_ATTACK") != NULL) {
        try_all(attacks, sizeof(attacks) / sizeof(attacks[0]), "attack");
    }
}
