#include "pool/node_choose.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *node_state_name(enum node_state s)
{
    switch (s) {
    case NODE_UNREACHABLE:
        return "unreachable";
    case NODE_WRONG_CHAIN:
        return "wrong_chain";
    case NODE_SYNCING:
        return "syncing";
    case NODE_BEHIND:
        return "behind";
    case NODE_STALLED:
        return "stalled";
    case NODE_HEALTHY:
        return "healthy";
    }
    return "unknown";
}

KZ_PRINTF(3, 4)
static enum node_state say(char why[NODE_WHY_SIZE], enum node_state s,
                           const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, NODE_WHY_SIZE, format, args);
    va_end(args);
    return s;
}

/* One header ahead is a block on its way, not a node that is catching up. */
static bool is_catching_up(const struct node_facts *f)
{
    uint32_t slack = f->behind_blocks > 1 ? f->behind_blocks : 2;
    return f->headers >= f->blocks && f->headers - f->blocks >= slack;
}

static enum node_state judge_template(const struct node_facts *f,
                                      char why[NODE_WHY_SIZE])
{
    if (f->refusal_code == RPC_CODE_IN_DOWNLOAD ||
        f->refusal_code == RPC_CODE_WARMING_UP)
        return say(why, NODE_SYNCING, "%s", f->template_fault);
    if (f->refusal_code == RPC_CODE_NOT_CONNECTED || f->bad_templates >= NODE_BAD_MAX)
        return say(why, NODE_STALLED, "%s", f->template_fault);
    if (!f->has_template)
        return say(why, NODE_STALLED, "no template yet%s%s",
                   f->template_fault[0] != '\0' ? ": " : "", f->template_fault);
    if (f->template_age_ms > f->template_age_max_ms)
        return say(why, NODE_STALLED, "no new template for %" PRId64 " s",
                   f->template_age_ms / 1000);
    return say(why, NODE_HEALTHY, "%s", "");
}

enum node_state node_judge(const struct node_facts *f, char why[NODE_WHY_SIZE])
{
    if (!f->reached)
        return say(why, NODE_UNREACHABLE, "%s", f->fault);
    if (f->refusal_code == RPC_CODE_WARMING_UP)
        return say(why, NODE_SYNCING, "%s", f->template_fault);
    if (strcmp(f->chain, f->want_chain) != 0)
        return say(why, NODE_WRONG_CHAIN, "its chain is \"%s\", the settings' \"%s\"",
                   f->chain, f->want_chain);
    if (f->in_download)
        return say(why, NODE_SYNCING, "initial block download, %" PRIu32 " of %" PRIu32,
                   f->blocks, f->headers);
    if (is_catching_up(f))
        return say(why, NODE_SYNCING, "%" PRIu32 " of %" PRIu32 " blocks", f->blocks,
                   f->headers);
    if (f->behind_ms > NODE_BEHIND_MS)
        return say(why, NODE_BEHIND, "its tip %" PRIu32 " is not the best known",
                   f->blocks);
    return judge_template(f, why);
}

static bool is_one_of(const char *word, const char *const *list)
{
    for (; *list != NULL; list++) {
        if (strcmp(word, *list) == 0)
            return true;
    }
    return false;
}

/* BIP22's words; some programs put "rejected: " before them. "duplicate" comes for any
 * block the node has stored, one beside its best chain among them. A missing parent
 * comes with a node that is behind, a time too new with a clock that is: both pass. */
static enum node_block_verdict judge_word(const char *word)
{
    static const char *const known[] = {"duplicate", "inconclusive",
                                        "duplicate-inconclusive", NULL};
    static const char *const passing[] = {"prev-blk-not-found", "bad-prevblk",
                                          "time-too-new", NULL};
    static const char prefix[] = "rejected: ";
    if (strncmp(word, prefix, sizeof(prefix) - 1) == 0)
        word += sizeof(prefix) - 1;
    if (is_one_of(word, known))
        return BLOCK_KNOWN;
    return is_one_of(word, passing) ? BLOCK_AGAIN : BLOCK_REFUSED;
}

enum node_block_verdict node_block_verdict(const char **text,
                                           const struct rpc_answer *a)
{
    *text = a->message;
    if (a->outcome == RPC_ERROR && a->code == RPC_CODE_DESERIALIZE)
        return BLOCK_REFUSED;
    if (a->outcome != RPC_RESULT)
        return BLOCK_AGAIN;
    if (json_is_null(a->result)) {
        *text = "accepted";
        return BLOCK_TAKEN;
    }
    *text = "an answer that is no string";
    if (!json_is_string(a->result))
        return BLOCK_AGAIN;
    *text = json_string_value(a->result);
    return judge_word(*text);
}

static uint32_t best_height(const struct node_view *views, size_t count)
{
    uint32_t best = 0;
    for (size_t i = 0; i < count; i++) {
        if (views[i].is_usable && views[i].height > best)
            best = views[i].height;
    }
    return best;
}

/* May `better` take over from a node in use that has a template just as high? */
static bool may_take_over(const struct node_view *better, const struct node_view *used)
{
    if (!hash256_equal(&better->prev_hash, &used->prev_hash))
        return false;
    return !better->was_away || better->healthy_ms >= NODE_RETURN_MS;
}

size_t node_choose(const struct node_view *views, size_t count, size_t in_use)
{
    uint32_t best = best_height(views, count);
    bool used_is_good =
        in_use < count && views[in_use].is_usable && views[in_use].height == best;
    for (size_t i = 0; i < count; i++) {
        if (!views[i].is_usable || views[i].height != best)
            continue;
        if (i == in_use || !used_is_good || may_take_over(&views[i], &views[in_use]))
            return i;
    }
    return NODE_NONE;
}
