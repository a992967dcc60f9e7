#include "pool/ctl_apply.h"

#include "conf/mem.h"
#include "pool/ctl_desk.h"
#include "pool/ctl_table.h"
#include "pool/ctl_terms.h"
#include "pool/guide.h"
#include "pool/registry/record_split.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct form {
    struct guide guide;
    struct words *words;
    struct ctl_terms terms;
    const char *draft; /* file; NULL: none */
};

/* --- drafts ----------------------------------------------------------------------- */

/* What was kept of an earlier attempt; NULL where there is none yet. False: said why. */
static bool read_draft(json_t **begun, const char *path)
{
    json_error_t error;
    *begun = NULL;
    if (path == NULL || (access(path, F_OK) != 0 && errno == ENOENT))
        return true;
    *begun = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (json_is_object(*begun))
        return true;
    fprintf(stderr, "karizctl: %s:%d: %s\n", path, error.line,
            *begun == NULL ? error.text : "no record");
    json_decref(*begun);
    return false;
}

static bool write_draft(const char *path, const json_t *record)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool is_written = fd >= 0 && json_dumpfd(record, fd, JSON_INDENT(2)) == 0;
    if (!is_written)
        fprintf(stderr, "karizctl: %s: %s\n", path, strerror(errno));
    if (fd >= 0 && close(fd) != 0)
        is_written = false;
    return is_written;
}

/* Only when somebody says so, and never what is personal. */
static bool offer_draft(const struct form *f, const json_t *record)
{
    json_t *rest = NULL, *personal = NULL;
    bool yes = false;
    if (f->draft == NULL)
        return true;
    if (guide_yes(&yes, &f->guide, "Keep what is not personal in the draft's file?") !=
            KZ_OK ||
        !yes)
        return true;
    record_split(&rest, &personal, record);
    bool is_written = write_draft(f->draft, rest);
    json_decref(rest);
    json_decref(personal);
    return is_written;
}

/* --- by questions ----------------------------------------------------------------- */

static int send_application(const struct ctl_place *place, const struct words *w,
                            json_t *record)
{
    json_t *answer;
    if (!ctl_ask(&answer, place, "miner_apply", json_pack("{s:O}", "record", record)))
        return 1;
    if (place->json) {
        ctl_print_json(answer);
    } else {
        guide_print_findings(stdout, w, json_object_get(answer, "findings"));
        printf("%s: %s\n", ctl_text(answer, "miner_id"),
               words_say(w, "the application is kept as a draft."));
    }
    json_decref(answer);
    return fflush(stdout) == 0 ? 0 : 1;
}

/* Shows it and what is wrong with it, and asks whether it is to be sent. */
static enum kz_err look_over(bool *yes, const struct guide *g, const json_t *record)
{
    char why[RECORD_WHY_SIZE];
    json_t *findings = NULL;
    fprintf(g->out, "\n== %s\n", words_say(g->words, "What was given:"));
    guide_print_record(g, record);
    if (guide_find(&findings, why, g, record) != KZ_OK) {
        fputs("\n", g->out);
        words_print(g->out, why);
        fputs("\n", g->out);
        *yes = false;
        return KZ_OK;
    }
    fprintf(g->out, "\n== %s\n",
            words_say(g->words, json_array_size(findings) > 0
                                    ? "What has to be looked at:"
                                    : "Nothing is wrong with it."));
    guide_print_findings(g->out, g->words, findings);
    json_decref(findings);
    return guide_yes(yes, g, "Send it to the registry?");
}

static int run_form(const struct ctl_place *place, const struct form *f)
{
    json_t *begun, *record = NULL;
    bool yes = false;
    if (!read_draft(&begun, f->draft))
        return 1;
    enum kz_err err = guide_run(&record, &f->guide, begun);
    json_decref(begun);
    if (err == KZ_OK)
        err = look_over(&yes, &f->guide, record);
    int status = 1;
    if (err == KZ_OK && yes)
        status = send_application(place, f->words, record);
    else
        fprintf(stderr, "\nkarizctl: %s\n",
                words_say(f->words, "nothing was sent, and nothing was kept."));
    if (err == KZ_OK && status != 0 && !offer_draft(f, record))
        status = 1;
    json_decref(record);
    return status;
}

static int ask_all(const struct ctl_place *place, const json_t *arguments)
{
    struct form f = {.draft = json_string_value(json_object_get(arguments, "draft"))};
    f.words = words_load(json_string_value(json_object_get(arguments, "lang")));
    if (f.words == NULL)
        return 2;
    if (!ctl_terms_load(&f.terms, place, arguments)) {
        words_free(f.words);
        return 1;
    }
    /* What people read while they type is no answer for a program. */
    f.guide = (struct guide){.in = stdin,
                             .out = place->json ? stderr : stdout,
                             .words = f.words,
                             .act = &f.terms.act};
    int status = run_form(place, &f);
    ctl_terms_clear(&f.terms);
    words_free(f.words);
    return status;
}

/* --- by a file -------------------------------------------------------------------- */

int ctl_miner_apply(const struct ctl_place *place, const json_t *arguments)
{
    json_t *request, *answer;
    if (json_object_get(arguments, "file") == NULL)
        return ask_all(place, arguments);
    request = json_deep_copy(arguments);
    if (!ctl_desk_record(request)) {
        json_decref(request);
        return 2;
    }
    if (!ctl_ask(&answer, place, "miner_apply", request))
        return 1;
    return ctl_answer_take(place, answer, show_application);
}
