// A bare integer has no unit, so it is no instant.
#include <cstdint>

#include <luban/core/time.hpp>

int main() {
  const std::int64_t count = 1'000'000'000;
#ifdef MUST_NOT_COMPILE
  const luban::core::UtcTime start(count);
#else
  const luban::core::UtcTime start{luban::core::Nanoseconds(count)};
#endif
  return start.missing() ? 1 : 0;
}
