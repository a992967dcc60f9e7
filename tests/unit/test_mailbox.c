#include "conf/mailbox.h"

#include "conf/mem.h"

#include <event2/event.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define POSTERS  4
#define MESSAGES 20000

struct owner {
    struct event_base *base;
    struct mailbox *mailbox;
    uint64_t last[POSTERS];
    uint64_t received;
};

struct note {
    unsigned poster;
    uint64_t number;
};

static void on_note(void *owner, void *arg)
{
    struct owner *o = owner;
    struct note *n = arg;
    assert_int_equal(n->number, o->last[n->poster] + 1);
    o->last[n->poster] = n->number;
    mem_free(n);
    if (++o->received == (uint64_t)POSTERS * MESSAGES)
        event_base_loopbreak(o->base);
}

struct poster {
    struct mailbox *mailbox;
    unsigned index;
};

static void *post_all(void *arg)
{
    struct poster *p = arg;
    for (uint64_t i = 1; i <= MESSAGES; i++) {
        struct note *n = mem_new(sizeof(*n));
        *n = (struct note){p->index, i};
        while (mailbox_post(p->mailbox, (struct mailbox_call){on_note, mem_free, n}) ==
               KZ_BUSY)
            sched_yield();
    }
    return NULL;
}

static void calls_of_many_threads_arrive_once_and_in_order(void **state)
{
    (void)state;
    struct owner o = {.base = event_base_new()};
    o.mailbox = mailbox_new(o.base, 64, &o);
    pthread_t threads[POSTERS];
    struct poster posters[POSTERS];
    for (unsigned i = 0; i < POSTERS; i++) {
        posters[i] = (struct poster){o.mailbox, i};
        assert_int_equal(pthread_create(&threads[i], NULL, post_all, &posters[i]), 0);
    }
    event_base_dispatch(o.base);
    for (unsigned i = 0; i < POSTERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(o.received, (uint64_t)POSTERS * MESSAGES);
    mailbox_free(o.mailbox);
    event_base_free(o.base);
}

static void a_full_mailbox_says_busy_and_drops_what_never_ran(void **state)
{
    (void)state;
    struct event_base *base = event_base_new();
    struct mailbox *m = mailbox_new(base, 2, NULL);
    for (int i = 0; i < 2; i++)
        assert_int_equal(
            mailbox_post(m, (struct mailbox_call){on_note, mem_free, mem_new(8)}), KZ_OK);
    void *kept = mem_new(8);
    assert_int_equal(mailbox_post(m, (struct mailbox_call){on_note, mem_free, kept}),
                     KZ_BUSY);
    mem_free(kept);
    mailbox_free(m); /* frees the two: the address sanitizer watches */
    event_base_free(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_of_many_threads_arrive_once_and_in_order),
        cmocka_unit_test(a_full_mailbox_says_busy_and_drops_what_never_ran),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
