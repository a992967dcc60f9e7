/* What `kariz-bench` reads from a pool: any bytes up to a line's end. */
#include "pool/bench/bench_scan.h"
#include "pool/bench/bench_work.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A range that the scanner hands out lies within what it was given. */
static void check_within(struct bytes part, const uint8_t *data, size_t size)
{
    if (part.p != NULL && (part.p < data || part.p + part.len > data + size))
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scan s;
    struct scan_notify n;
    struct work w;
    struct bytes value;
    if (scan_line(&s, (struct bytes){data, size}) != KZ_OK)
        return 0;
    check_within(s.method, data, size);
    check_within(s.params, data, size);
    check_within(s.result, data, size);
    (void)scan_error(&value, s.error);
    check_within(value, data, size);
    if (scan_member(&value, s.result, "version-rolling.mask") == KZ_OK)
        check_within(value, data, size);
    struct scan_array a = scan_array(s.params);
    while (scan_next(&value, &a) == KZ_OK)
        check_within(value, data, size);
    if (scan_notify(&n, s.params) == KZ_OK)
        check_within(n.ntime, data, size);
    if (work_from_notify(&w, s.params) == KZ_OK)
        work_clear(&w);
    return 0;
}
