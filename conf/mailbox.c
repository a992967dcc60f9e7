#include "conf/mailbox.h"

#include "conf/log.h"
#include "conf/mem.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct mailbox {
    pthread_mutex_t lock; /* guards calls, first, count */
    struct mailbox_call *calls;
    size_t capacity;
    size_t first;
    size_t count;
    int fd;
    struct event *wake;
    void *owner;
};

static bool mailbox_take(struct mailbox *m, struct mailbox_call *call)
{
    pthread_mutex_lock(&m->lock);
    bool has = m->count > 0;
    if (has) {
        *call = m->calls[m->first];
        m->first = (m->first + 1) % m->capacity;
        m->count--;
    }
    pthread_mutex_unlock(&m->lock);
    return has;
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct mailbox *m = arg;
    uint64_t n;
    if (read(fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
        log_error("mailbox_read_failed", kv_errno(errno));
    /* No more than what was there on entry, so that posting from run() cannot starve
     * the loop; the eventfd is written again by each post. */
    struct mailbox_call call;
    for (size_t left = m->capacity; left > 0 && mailbox_take(m, &call); left--)
        call.run(m->owner, call.arg);
}

struct mailbox *mailbox_new(struct event_base *base, size_t capacity, void *owner)
{
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0)
        return NULL;
    struct mailbox *m = mem_new(sizeof(*m));
    pthread_mutex_init(&m->lock, NULL);
    m->calls = mem_array(capacity, sizeof(*m->calls));
    m->capacity = capacity;
    m->fd = fd;
    m->owner = owner;
    m->wake = event_new(base, fd, EV_READ | EV_PERSIST, on_wake, m);
    if (m->wake == NULL || event_add(m->wake, NULL) != 0) {
        mailbox_free(m);
        return NULL;
    }
    return m;
}

void mailbox_free(struct mailbox *m)
{
    if (m == NULL)
        return;
    if (m->wake != NULL)
        event_free(m->wake);
    struct mailbox_call call;
    while (mailbox_take(m, &call)) {
        if (call.drop != NULL)
            call.drop(call.arg);
    }
    close(m->fd);
    pthread_mutex_destroy(&m->lock);
    mem_free(m->calls);
    mem_free(m);
}

enum kz_err mailbox_post(struct mailbox *m, struct mailbox_call call)
{
    pthread_mutex_lock(&m->lock);
    bool full = m->count == m->capacity;
    if (!full) {
        m->calls[(m->first + m->count) % m->capacity] = call;
        m->count++;
    }
    pthread_mutex_unlock(&m->lock);
    if (full)
        return KZ_BUSY;
    uint64_t one = 1;
    /* EAGAIN means 2^64 - 2 wakes are pending: the owner wakes all the same. */
    if (write(m->fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
        log_error("mailbox_write_failed", kv_errno(errno));
    return KZ_OK;
}
