/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* memfd_create */
#include "host/mediator/supervisor/takeover.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/common/clock.h"
#include "host/mediator/log.h"
#include "host/mediator/supervisor/inherited.h"
#include "host/mediator/supervisor/listeners.h"
#include "host/mediator/supervisor/notify.h"
#include "host/mediator/supervisor/worker_lease.h"
#include "host/mediator/supervisor/worker_log.h"
#include "host/mediator/supervisor/worker_process.h"

#define SESSION "session-"
#define CGROUP "cgroup"
#define WAITING "waiting"
#define RECORD_SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

/* Of a supervisor that may have been another version: what does not match ends the session. */
struct record {
    uint32_t version; /* CONTROL_VERSION */
    uint32_t size;
    struct control_start start;
    struct peer peer;
    pid_t pid;
    unsigned slot;
    uid_t user, first_user; /* the supervisor's, and of its workers: theirs follow from the slots */
};

/* ---- What is stored ---- */

bool takeover_is_on(const struct supervisor *supervisor)
{
    return supervisor->config->restart_s > 0 && notify_is_wanted();
}

static int seal(const struct record *record)
{
    int fd = memfd_create("session", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd >= 0 && (write(fd, record, sizeof(*record)) != sizeof(*record) ||
                    fcntl(fd, F_ADD_SEALS, RECORD_SEALS) != 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

static void name_session(char name[32], uint32_t session)
{
    snprintf(name, 32, SESSION "%u", session);
}

void takeover_store(struct worker_process *worker)
{
    struct record record = {
        .version = CONTROL_VERSION,
        .size = sizeof(record),
        .start = worker->start,
        .peer = worker->guest->past.peer,
        .pid = worker->pid,
        .slot = worker->slot,
        .user = geteuid(),
        .first_user = worker->supervisor->config->worker_first_uid,
    };
    int fds[] = {worker->control, worker->pidfd, worker->log.fd, -1};
    char name[32];

    if (worker->start.outlive_s == 0) {
        return;
    }
    name_session(name, worker->session);
    fds[3] = seal(&record);
    if (fds[3] < 0) {
        worker_log_write(worker, MEDIATOR_LOG_WARNING, "it ends with this mediator: %s",
                         strerror(errno));
        return;
    }
    notify_store(name, fds, 4);
    close(fds[3]);
}

void takeover_forget(const struct worker_process *worker)
{
    char name[32];

    if (worker->listener != NULL && worker->start.outlive_s > 0) {
        name_session(name, worker->session);
        notify_remove(name);
    }
}

void takeover_store_waiting(int connection)
{
    notify_store(WAITING, &connection, 1);
}

static void name_listener(char name[64], const struct supervisor_listener *listener)
{
    snprintf(name, 64, INHERITED_LISTENER "%s", listener->config->name);
}

/* A socket unit's is kept anyway. */
void takeover_store_listener(struct supervisor_listener *listener)
{
    char name[64];

    listener->stored = takeover_is_on(listener->supervisor) && listener->socket.inode != 0;
    if (listener->stored) {
        name_listener(name, listener);
        notify_store(name, &listener->socket.fd, 1);
    }
}

void takeover_forget_listener(struct supervisor_listener *listener)
{
    char name[64];

    if (listener->stored) {
        name_listener(name, listener);
        notify_remove(name);
        listener->stored = false;
    }
}

int takeover_take_cgroup(void)
{
    int fd = -1;

    inherited_take(CGROUP, &fd, 1);
    return fd;
}

static void store_cgroup(const struct supervisor *supervisor)
{
    int fd = cgroup_get_directory(supervisor->cgroup);

    if (fd >= 0) {
        notify_remove(CGROUP);
        notify_store(CGROUP, &fd, 1);
    }
}

void takeover_store_own(struct supervisor *supervisor)
{
    if (!takeover_is_on(supervisor)) {
        return;
    }
    store_cgroup(supervisor);
    for (unsigned i = 0; i < supervisor->config->listener_count; i++) {
        struct supervisor_listener *listener = &supervisor->listeners[i];

        if (!listener->removed && !listener->stored) {
            takeover_store_listener(listener);
        }
    }
}

/* ---- What is taken over ---- */

/* systemd keeps no order. */
static void sort(const int *fds, unsigned count, struct birth *birth, int *record)
{
    struct stat status;

    for (unsigned i = 0; i < count; i++) {
        bool known = fstat(fds[i], &status) == 0;
        int *place = known && S_ISSOCK(status.st_mode)   ? &birth->control
                     : known && S_ISFIFO(status.st_mode) ? &birth->log
                     : fcntl(fds[i], F_GET_SEALS) >= 0   ? record
                                                         : &birth->pidfd;

        if (*place >= 0) {
            close(*place);
        }
        *place = fds[i];
    }
}

/* NULL, or why it cannot be gone on with. */
static const char *read_record(const struct birth *birth, int fd, struct record *record)
{
    struct pollfd polled = {.fd = birth->pidfd, .events = POLLIN};

    if (birth->control < 0 || birth->pidfd < 0 || birth->log < 0 || fd < 0 ||
        poll(&polled, 1, 0) != 0) {
        return "its worker is gone";
    }
    if (pread(fd, record, sizeof(*record), 0) != sizeof(*record) ||
        record->version != CONTROL_VERSION || record->size != sizeof(*record)) {
        return "it is another version's";
    }
    return NULL;
}

static void greet(struct worker_process *worker)
{
    const struct control_message resume = {.type = CONTROL_RESUME,
                                           .supervisor = worker->supervisor->started_ns};

    worker_process_send(worker, &resume);
    worker_process_tell_quarantine(worker->listener, worker->guest); /* it may be over by now */
}

static const char *resume(struct supervisor *supervisor, struct birth *birth,
                          const struct record *record)
{
    struct supervisor_listener *listener =
        listeners_find(supervisor, record->start.listener, record->start.device);
    struct guest_record *guest;
    struct worker_process *worker;

    if (record->user != geteuid() || record->first_user != supervisor->config->worker_first_uid) {
        return "its user may be another one's now";
    }
    if (listener == NULL) {
        return "its listener is gone";
    }
    guest = guest_record_open(&listener->guests, listener->config, &record->peer, clock_now_ns());
    if (guest == NULL || !nursery_take(supervisor->nursery, record->slot)) {
        return "there is no place for it";
    }
    birth->child = record->pid;
    birth->slot = record->slot;
    worker = worker_process_add(supervisor, birth);
    if (worker == NULL) {
        nursery_free(supervisor->nursery, record->slot);
        return "no memory";
    }
    worker->adopted = worker->resuming = true;
    worker->start = record->start;
    cgroup_add(supervisor->cgroup, worker->slot, worker->pid); /* before it is limited */
    worker_process_begin(worker, listener, guest, record->start.session);
    greet(worker);
    return NULL;
}

static void close_all(const struct birth *birth)
{
    const int fds[] = {birth->control, birth->pidfd, birth->log};

    for (unsigned i = 0; i < 3; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
}

/* One that is not taken over is ended: in a guest's hands it would not end with its socket. */
static void resume_one(struct supervisor *supervisor, const char *name)
{
    struct birth birth = {.pidfd = -1, .control = -1, .log = -1};
    struct record record;
    const char *reason;
    int fds[8], file = -1;

    sort(fds, inherited_take(name, fds, 8), &birth, &file);
    reason = read_record(&birth, file, &record) ?: resume(supervisor, &birth, &record);
    if (file >= 0) {
        close(file);
    }
    if (reason != NULL) {
        log_warning("%s does not go on: %s", name, reason);
        notify_remove(name);
        syscall(SYS_pidfd_send_signal, birth.pidfd, SIGKILL, NULL, 0);
        close_all(&birth);
    }
}

/* Their peers are asked for anew, as of one that has just connected. */
static void resume_waiting(struct supervisor *supervisor)
{
    char path[INHERITED_PATH_SIZE];
    bool any = false;
    int fd;

    while (inherited_take(WAITING, &fd, 1) == 1) {
        any = true;
        inherited_read_path(fd, path);
        if (!listeners_admit(supervisor, path, fd)) {
            close(fd);
        }
    }
    if (any) {
        notify_remove(WAITING);
    }
}

/* Nobody can connect to it any more. */
static void remove_listener(const char *name)
{
    int fd = -1;

    if (inherited_take(name, &fd, 1) == 1) {
        struct listener_socket socket;

        inherited_fill(&socket, fd);
        listener_close(&socket);
    }
    notify_remove(name);
}

static bool is_taken(void *owner, unsigned slot)
{
    struct supervisor *supervisor = owner;
    struct worker_process *worker;

    LIST_FOREACH (worker, &supervisor->workers, link) {
        if (worker->slot == slot) {
            return true;
        }
    }
    return false;
}

void takeover_resume(struct supervisor *supervisor)
{
    const char *left;
    char name[INHERITED_NAME_SIZE];

    while ((left = inherited_find(SESSION)) != NULL) {
        snprintf(name, sizeof(name), "%s", left);
        resume_one(supervisor, name);
    }
    resume_waiting(supervisor);
    while ((left = inherited_find(INHERITED_LISTENER)) != NULL) {
        snprintf(name, sizeof(name), "%s", left);
        remove_listener(name);
    }
    inherited_close();
    cgroup_sweep(supervisor->cgroup, is_taken, supervisor);
    if (supervisor->sessions > 0) {
        log_info("%u sessions go on", supervisor->sessions);
    }
}

/* ---- What a worker says of itself ---- */

/* Of the devices that its listener has for the pool; NULL: none is that. */
static struct supervisor_device *find_device(const struct worker_process *worker,
                                             const struct control_resumed *resumed)
{
    struct supervisor *supervisor = worker->supervisor;
    unsigned pool = resumed->attach.pool_id - (unsigned)'A';

    if (pool >= CONFIG_POOLS || !worker->listener->config->pools[pool] ||
        (resumed->cuda && !worker->start.cuda_possible)) {
        return NULL;
    }
    for (unsigned i = 0; i < supervisor->pool_device_count[pool]; i++) {
        struct supervisor_device *device = &supervisor->devices[supervisor->pool_devices[pool][i]];

        if (device->cuda == (resumed->cuda != 0) && device->ordinal == resumed->ordinal) {
            return device;
        }
    }
    return NULL;
}

void takeover_take_resumed(struct worker_process *worker, const struct control_resumed *resumed)
{
    if (!worker->resuming) {
        worker_process_kill(worker, "it was not asked how things stand");
        return;
    }
    worker->resuming = false;
    if (!resumed->asked) {
        return;
    }
    if (!resumed->answered) {
        worker_process_attach(worker, &resumed->attach);
        return;
    }
    worker_process_name(worker, resumed->attach.vm_id);
    if (!resumed->placed) {
        return;
    }
    struct supervisor_device *device = find_device(worker, resumed);

    if (device == NULL) {
        worker_process_kill(worker, "this mediator does not have its device");
        worker->blameless = true;
        return;
    }
    worker_process_place(worker, device, (char)resumed->attach.pool_id);
    worker_lease_resume(worker, resumed);
    worker_log_write(worker, MEDIATOR_LOG_INFO, "goes on, pool %c, device %s", worker->pool,
                     device->name);
}
