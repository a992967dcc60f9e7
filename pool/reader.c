#include "pool/reader.h"

#include "conf/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MS 30000
#define POLL_MS 10
#define STOP_MS 1000

enum kz_err reader_aim(struct conf *own, int *fd, char why[READER_WHY_SIZE])
{
    char dir[CONF_TEXT_MAX + 16];
    *fd = -1;
    if (own->redis_mode != CONF_REDIS_EMBEDDED)
        return KZ_OK;
    snprintf(dir, sizeof(dir), "%s/redis", own->data_dir);
    int opened = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (opened < 0) {
        snprintf(why, READER_WHY_SIZE,
                 "%s: %s; \"redis\" is embedded, so karizd has to run on this machine",
                 dir, strerror(errno));
        return KZ_IO;
    }
    *fd = opened;
    own->redis_mode = CONF_REDIS_UNIX;
    snprintf(own->redis_path, sizeof(own->redis_path), "/proc/self/fd/%d/redis.sock",
             opened);
    return KZ_OK;
}

static void say_store(struct reader *r, char why[READER_WHY_SIZE])
{
    json_t *s = store_status(r->store);
    const char *alarm = json_string_value(json_object_get(s, "alarm"));
    const char *error = json_string_value(json_object_get(s, "error"));
    const char *text = alarm != NULL && alarm[0] != '\0' ? alarm : error;
    snprintf(why, READER_WHY_SIZE, "Redis: %.400s",
             text != NULL && text[0] != '\0' ? text : "no answer");
    json_decref(s);
}

static enum kz_err wait_for_redis(struct reader *r, char why[READER_WHY_SIZE])
{
    const struct timespec pause = {0, POLL_MS * 1000000};
    struct monotime began = clock_now();
    char instance[33] = "";
    for (;;) {
        uint64_t generation;
        bool is_there = store_has_all_events(r->store, &generation);
        enum kz_err err = is_there ? store_all_are_ready(instance, r->store) : KZ_IO;
        if (err == KZ_OK)
            return KZ_OK;
        if (monotime_ms_between(began, clock_now()) > WAIT_MS) {
            if (err == KZ_BUSY)
                snprintf(why, READER_WHY_SIZE, "Redis does not have all of %s yet",
                         instance[0] != '\0' ? instance : "any daemon");
            else
                say_store(r, why);
            return KZ_IO;
        }
        nanosleep(&pause, NULL); /* allowed: this program may wait */
    }
}

enum kz_err reader_open(struct reader *r, char why[READER_WHY_SIZE],
                        const struct conf *conf)
{
    *r = (struct reader){.own = *conf};
    enum kz_err err = reader_aim(&r->own, &r->redis_dir_fd, why);
    if (err != KZ_OK)
        return err;
    if (store_start_reader(&r->store, &r->own) != KZ_OK) {
        snprintf(why, READER_WHY_SIZE, "the store did not start: see the log");
        return KZ_IO;
    }
    return wait_for_redis(r, why);
}

void reader_close(struct reader *r)
{
    store_stop(r->store, STOP_MS);
    if (r->redis_dir_fd >= 0)
        close(r->redis_dir_fd);
    *r = (struct reader){.redis_dir_fd = -1};
}
