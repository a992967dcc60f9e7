/* share/record.h - one judged share: what the tally needs of it, and what a later reader
 * needs to compute its header again (job, extranonces, ntime, nonce, version). It leaves
 * its front thread through the journal (share/journal_writer.h). A value; any thread. */
#ifndef SHARE_RECORD_H
#define SHARE_RECORD_H

#include "share/check.h"
#include "share/ids.h"

struct share_record {
    int64_t time_ms; /* UTC */
    uint64_t session;
    struct job_id job;
    uint32_t height;
    enum share_verdict verdict;
    bool is_block;
    uint64_t work;     /* credited: 0 unless accepted */
    double difficulty; /* of the hash; for "best share" only */
    struct hash256 hash;
    uint8_t extranonce1[9], extranonce2[8]; /* 1: behind the generation, as hashed */
    uint8_t extranonce1_len, extranonce2_len;
    uint32_t ntime, nonce, version;
    uint32_t miner_number;
    struct miner_id miner;
    struct worker_name worker;
};

#endif
