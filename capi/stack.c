/*
 * stack.c - calls from a foreign stack on the main thread: coroutines, fibers,
 * FFI layers with stacks of their own (koffi).
 *
 * When a call comes in on a stack other than the thread's own, the Go runtime
 * asks the C library for the bounds of the thread's stack. For the main thread
 * glibc finds them by reading /proc/self/maps, a hundred times the cost of a
 * cached token, and Go asks at each such call. A thread's stack does not move, so
 * one answer is enough: the linker hands Go's question over to this file (--wrap
 * in stack_linux.go). Go compares the answer with where it stands, so a foreign
 * stack is never taken for the thread's.
 */
#if defined(__linux__)
#define _GNU_SOURCE
#include <pthread.h>

int __real_pthread_getattr_np(pthread_t thread, pthread_attr_t *attributes);
int __wrap_pthread_getattr_np(pthread_t thread, pthread_attr_t *attributes);

int __wrap_pthread_getattr_np(pthread_t thread, pthread_attr_t *attributes) {
  static __thread struct {
    void *lowest;
    size_t size;
  } mine;
  int failed;

  if (!pthread_equal(thread, pthread_self())) return __real_pthread_getattr_np(thread, attributes);
  if (mine.size > 0 && pthread_attr_setstack(attributes, mine.lowest, mine.size) == 0) return 0;
  failed = __real_pthread_getattr_np(thread, attributes);
  if (!failed && pthread_attr_getstack(attributes, &mine.lowest, &mine.size) != 0) mine.size = 0;
  return failed;
}
#endif
