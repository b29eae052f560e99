/*
 * tests.h - all tests, in the order in which they run.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_H
#define TESTS_H

#define EVERY_TEST(RUN)               \
  RUN(test_versions)                   \
  RUN(test_buffers)                    \
  RUN(test_F76_null)                   \
  RUN(test_F76_lengths)                \
  RUN(test_error_names_argument)       \
  RUN(test_F79_no_nul_at_the_end)      \
  RUN(test_F79_malformed_text)         \
  RUN(test_F79_embedded_nul)           \
  RUN(test_F79_deep_and_long_text)     \
  RUN(test_F77_free_zero)              \
  RUN(test_F77_unknown_handles)        \
  RUN(test_F77_wrong_kind)             \
  RUN(test_F77_freed_handles)          \
  RUN(test_client_free_closes)         \
  RUN(test_bad_configurations)         \
  RUN(test_public_key_as_private)      \
  RUN(test_weak_key)                   \
  RUN(test_bad_requests)               \
  RUN(test_every_problem_at_once)      \
  RUN(test_diagnose_healthy)           \
  RUN(test_diagnose_findings)          \
  RUN(test_diagnose_refuses)           \
  RUN(test_certificate_read)           \
  RUN(test_plain_token)                \
  RUN(test_customs)                    \
  RUN(test_refusal)                    \
  RUN(test_deadline)                   \
  RUN(test_F78_peek)                   \
  RUN(test_invalidate)                 \
  RUN(test_source_key)                 \
  RUN(test_keys)                       \
  RUN(test_flow_performed)             \
  RUN(test_flow_sent_by_hand)          \
  RUN(test_flow_out_of_order)          \
  RUN(test_flow_signature_size)        \
  RUN(test_flow_failed_attempt)        \
  RUN(test_flow_bad_answers)           \
  RUN(test_flow_shares_fetch)          \
  RUN(test_flow_abandoned)             \
  RUN(test_rotate)                     \
  RUN(test_next_keys)                  \
  RUN(test_events)                     \
  RUN(test_events_end_with_the_client) \
  RUN(test_lease)                      \
  RUN(test_store)                      \
  RUN(test_live_handles)               \
  RUN(test_one_fetch_for_all_threads)  \
  RUN(test_F81_close_under_way)        \
  RUN(test_close_frees_waiters)        \
  RUN(test_source_free_frees_waiters)  \
  RUN(test_cancel)                     \
  RUN(test_flow_freed_while_performed)

#define DECLARE_TEST(test) void test(void);
EVERY_TEST(DECLARE_TEST)

#endif
