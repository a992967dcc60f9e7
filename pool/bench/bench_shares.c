#include "pool/bench/bench_shares.h"

#include "share/cases.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct counts {
    size_t line, passed, failed;
};

static bool is_blank(const char *line)
{
    return line[strspn(line, " \t\r\n")] == '\0';
}

static void run_line(struct counts *n, struct share_cases *cases, const char *line,
                     size_t len)
{
    char id[SHARE_CASES_ID_SIZE], why[SHARE_CASES_WHY_SIZE];
    n->line++;
    if (is_blank(line))
        return;
    if (share_cases_run(cases, id, why, line, len) == KZ_OK) {
        n->passed++;
        return;
    }
    n->failed++;
    printf("line %zu, case %s: %s\n", n->line, id[0] != '\0' ? id : "?", why);
}

int bench_shares(int argc, char **argv)
{
    bool help = argc == 2 && strcmp(argv[1], "--help") == 0;
    if (argc != 2 || help) {
        fputs("usage: kariz-bench shares FILE\n", help ? stdout : stderr);
        return help ? 0 : 2;
    }
    FILE *file = fopen(argv[1], "r");
    if (file == NULL) {
        perror(argv[1]);
        return 2;
    }
    struct counts n = {0};
    struct share_cases *cases = share_cases_new();
    char *line = NULL;
    size_t room = 0;
    for (ssize_t len; (len = getline(&line, &room, file)) >= 0;)
        run_line(&n, cases, line, (size_t)len);
    free(line); /* allowed: getline() allocated it */
    share_cases_free(cases);
    bool is_read = ferror(file) == 0;
    if (!is_read)
        perror(argv[1]);
    fclose(file);
    printf("%zu passed, %zu failed\n", n.passed, n.failed);
    if (!is_read || n.passed + n.failed == 0)
        return 2;
    return n.failed == 0 ? 0 : 1;
}
