// A monotonic time has no date: its distance to an instant means nothing.
#include <luban/core/time.hpp>

int main() {
  using namespace std::chrono_literals;
  const luban::core::MonotonicTime received(1s);
#ifdef MUST_NOT_COMPILE
  const luban::core::UtcTime now(2s);
#else
  const luban::core::MonotonicTime now(2s);
#endif
  return now - received == 1s ? 0 : 1;
}
