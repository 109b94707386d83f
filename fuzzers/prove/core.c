/* core.c: sockfault prove, of sockfault's own core; see core.h */
#include "fuzzers/prove/core.h"

#include "fuzzers/fuzz.h"
#include "fuzzers/phases.h"
#include "target/conn.h"

bool sf_verbose;

int prove_fuzz_session(const uint8_t *bytes, size_t len);
int prove_fuzz_stream(const uint8_t *bytes, size_t len);
int prove_fuzz_client(const uint8_t *bytes, size_t len);

static const struct prove_target targets[] = {
    {.name = "fuzz_session",
     .run = prove_fuzz_session,
     .counters_in = sizeof(struct fm_conn),
     .counters_at = {offsetof(struct fm_conn, in.work),
                     offsetof(struct fm_conn, in.in.moved),
                     offsetof(struct fm_conn, out.moved)}},
    {.name = "fuzz_stream", .run = prove_fuzz_stream},
    {.name = "fuzz_client", .run = prove_fuzz_client},
};
const struct prove_target *const prove_targets = targets;
const unsigned prove_target_count = sizeof targets / sizeof *targets;

static const struct prove_core core = {
    .recovery = prove_recovery,
    .decoder = prove_decoder,
};
const struct prove_core *const prove_core = &core;

int main(int argc, char **argv)
{
    sf_phase_forget();
    return prove_main(argc, argv);
}
