#include "pool/bench/bench_schemes.h"

#include "payout/cases.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static void print_failed(void *ctx, const char *name, const char *why)
{
    (void)ctx;
    printf("%s: %s\n", name, why);
}

int bench_schemes(int argc, char **argv)
{
    bool help = argc == 2 && strcmp(argv[1], "--help") == 0;
    if (argc != 2 || help) {
        fputs("usage: kariz-bench schemes FILE\n", help ? stdout : stderr);
        return help ? 0 : 2;
    }
    json_error_t problem;
    json_t *file = json_load_file(argv[1], JSON_REJECT_DUPLICATES, &problem);
    if (file == NULL) {
        fprintf(stderr, "%s: line %d: %s\n", argv[1], problem.line, problem.text);
        return 2;
    }
    struct payout_cases cases = {.on_failed = print_failed};
    enum kz_err err = payout_cases_run(&cases, file);
    json_decref(file);
    if (err != KZ_OK) {
        fprintf(stderr, "%s: no accounting cases that are known here\n", argv[1]);
        return 2;
    }
    printf("%zu passed, %zu failed\n", cases.passed, cases.failed);
    return cases.failed == 0 ? 0 : 1;
}
