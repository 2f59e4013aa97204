// A bare integer has no unit, so it is no time.
#include <cstdint>

#include <luban/core/time.hpp>

int main() {
  const std::int64_t count = 1'000'000'000;
#ifdef MUST_NOT_COMPILE
  const luban::core::MonotonicTime now(count);
#else
  const luban::core::MonotonicTime now{luban::core::Nanoseconds(count)};
#endif
  return now.missing() ? 1 : 0;
}
