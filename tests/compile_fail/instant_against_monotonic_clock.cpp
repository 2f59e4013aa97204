// A monotonic clock has no date: comparing it with an instant means nothing.
#include <chrono>

#include <luban/core/time.hpp>

int main() {
  using namespace std::chrono_literals;
  const luban::core::UtcTime start(1s);
#ifdef MUST_NOT_COMPILE
  const std::chrono::steady_clock::time_point now{};
#else
  const luban::core::UtcTime now(2s);
#endif
  return start < now ? 0 : 1;
}
