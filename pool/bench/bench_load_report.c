#include "pool/bench/bench_load_parts.h"

#include <stdio.h>
#include <string.h>

static void put_integer(json_t *o, const char *key, uint64_t v)
{
    json_object_set_new(o, key, json_integer((json_int_t)v));
}

static void put_real(json_t *o, const char *key, double v)
{
    json_object_set_new(o, key, json_real(v));
}

static double microseconds(uint64_t ns)
{
    return (double)ns / 1000.0;
}

static json_t *hist_report(const struct hist *h)
{
    json_t *o = json_object();
    put_integer(o, "count", h->count);
    if (h->count == 0)
        return o;
    put_real(o, "min_us", microseconds(h->min));
    put_real(o, "mean_us", microseconds(hist_mean(h)));
    put_real(o, "p50_us", microseconds(hist_at(h, 500)));
    put_real(o, "p90_us", microseconds(hist_at(h, 900)));
    put_real(o, "p99_us", microseconds(hist_at(h, 990)));
    put_real(o, "p99.9_us", microseconds(hist_at(h, 999)));
    put_real(o, "max_us", microseconds(h->max));
    return o;
}

static json_t *ramp_report(const struct load *l)
{
    json_t *o = json_object();
    double seconds = (double)(l->ready_ns - l->begin_ns) / 1e9;
    put_integer(o, "connections", l->opened);
    put_integer(o, "ready", l->ready);
    put_real(o, "seconds", seconds);
    put_real(o, "ready_per_second", seconds > 0 ? (double)l->ready / seconds : 0);
    json_object_set_new(o, "connected", hist_report(&l->connect));
    json_object_set_new(o, "subscribe_reply", hist_report(&l->subscribe));
    json_object_set_new(o, "authorize_reply", hist_report(&l->authorize));
    json_object_set_new(o, "first_job", hist_report(&l->first_job));
    return o;
}

static json_t *codes_report(const struct load *l)
{
    json_t *list = json_array();
    for (size_t i = 0; i < l->code_count; i++) {
        json_t *o = json_object();
        json_object_set_new(o, "code", json_integer(l->codes[i].code));
        json_object_set_new(o, "text", json_string(l->codes[i].text));
        put_integer(o, "count", l->codes[i].count);
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *shares_report(const struct load *l, double seconds)
{
    json_t *o = json_object();
    put_integer(o, "submitted", l->submitted);
    put_integer(o, "accepted", l->accepted);
    put_integer(o, "rejected", l->rejected);
    put_integer(o, "unanswered", l->unanswered);
    put_real(o, "replies_per_second",
             seconds > 0 ? (double)(l->accepted + l->rejected) / seconds : 0);
    json_object_set_new(o, "reject_codes", codes_report(l));
    json_object_set_new(o, "reply", hist_report(&l->reply));
    if (l->options.rate > 0) {
        put_integer(o, "missed", l->missed);
        json_object_set_new(o, "late", hist_report(&l->late));
    }
    return o;
}

static json_t *problems_report(const struct load *l)
{
    json_t *list = json_array();
    for (size_t i = 0; i < l->problem_count; i++) {
        json_t *o = json_object();
        json_object_set_new(o, "text", json_string(l->problems[i].text));
        put_integer(o, "count", l->problems[i].count);
        json_array_append_new(list, o);
    }
    return list;
}

static double cpu_seconds(const struct rusage *u)
{
    return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) +
           (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1e6;
}

static json_t *load_report(const struct load *l)
{
    json_t *o = json_object();
    double seconds = (double)(l->measured_ns - l->measure_ns) / 1e9;
    double cpu = cpu_seconds(&l->usage_behind) - cpu_seconds(&l->usage_before);
    put_real(o, "seconds", seconds);
    put_integer(o, "connections_at_end", l->ready - l->over);
    if (l->options.reconnect)
        put_integer(o, "reconnects", l->reconnects);
    /* Near 100 the generator was the bottleneck and the figures are its own. */
    put_real(o, "generator_cpu_percent", seconds > 0 ? 100 * cpu / seconds : 0);
    json_object_set_new(o, "ramp", ramp_report(l));
    json_object_set_new(o, "shares", shares_report(l, seconds));
    json_object_set_new(
        o, "blocks",
        tips_report(l->tips, l->options.node.cookie_file != NULL ? &l->blocks : NULL));
    if (l->options.logins)
        json_object_set_new(o, "logins", load_logins_report(l));
    json_object_set_new(o, "problems", problems_report(l));
    json_object_set_new(o, "failure", json_string(l->failure));
    return o;
}

/* --- the same for people ---------------------------------------------------------- */

static void print_scalar(const char *key, const json_t *v)
{
    if (key != NULL)
        printf(" %s=", key);
    if (json_is_string(v))
        printf("\"%s\"", json_string_value(v));
    else if (json_is_real(v))
        printf("%.3f", json_real_value(v));
    else
        printf("%lld", (long long)json_integer_value(v));
}

/* One line an object: its plain values, then each object or list in it on lines of its
 * own. As deep as the report is: four. */
static void print_value(const char *name, json_t *v, int indent)
{
    const char *key;
    json_t *member;
    size_t i;
    printf("%*s%s:", indent, "", name);
    json_object_foreach(v, key, member)
    {
        if (!json_is_object(member) && !json_is_array(member))
            print_scalar(key, member);
    }
    puts("");
    json_object_foreach(v, key, member)
    {
        if (json_is_object(member))
            print_value(key, member, indent + 2);
        json_t *element;
        json_array_foreach(member, i, element) print_value(key, element, indent + 2);
    }
}

void load_print_report(struct load *l)
{
    json_t *report = load_report(l);
    if (l->options.json) {
        json_dumpf(report, stdout, JSON_COMPACT | JSON_REAL_PRECISION(12));
        fputc('\n', stdout);
    } else {
        print_value("load", report, 0);
    }
    json_decref(report);
}
