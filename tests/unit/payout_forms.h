/* tests/unit/payout_forms.h - the kinds of inputs and outputs that the payout vectors
 * name. Include after cmocka.h. */
#ifndef TESTS_UNIT_PAYOUT_FORMS_H
#define TESTS_UNIT_PAYOUT_FORMS_H

#include "payout/txsize.h"

#include <string.h>

static inline struct input_form form_named(const char *name)
{
    static const struct {
        const char *name;
        struct input_form form;
    } forms[] = {
        {"p2pkh", {INPUT_P2PKH, 0, 0}},
        {"p2sh_p2wpkh", {INPUT_P2SH_P2WPKH, 0, 0}},
        {"p2wpkh", {INPUT_P2WPKH, 0, 0}},
        {"p2tr", {INPUT_P2TR, 0, 0}},
        {"p2wsh_2of3", {INPUT_P2WSH_MULTISIG, 2, 3}},
        {"p2sh_2of3", {INPUT_P2SH_MULTISIG, 2, 3}},
    };
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        if (strcmp(forms[i].name, name) == 0)
            return forms[i].form;
    fail_msg("no form of input '%s'", name);
    return forms[0].form;
}

static inline size_t script_len_named(const char *name)
{
    static const struct {
        const char *name;
        size_t len;
    } outputs[] = {
        {"p2pk_compressed", 35}, {"p2pkh", 25}, {"p2sh", 23}, {"p2wpkh", 22},
        {"p2wsh", 34},           {"p2tr", 34},  {"p2a", 4},   {"op_return_32", 34},
    };
    for (size_t i = 0; i < sizeof(outputs) / sizeof(outputs[0]); i++)
        if (strcmp(outputs[i].name, name) == 0)
            return outputs[i].len;
    fail_msg("no kind of output '%s'", name);
    return 0;
}

#endif
