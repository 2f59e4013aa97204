// An instant moves by a duration with a unit, not by a number.
#include <luban/core/time.hpp>

int main() {
  using namespace std::chrono_literals;
  const luban::core::UtcTime start(1s);
#ifdef MUST_NOT_COMPILE
  const auto result = start + 5;
#else
  const auto result = start + 5s;
#endif
  return result.missing() ? 1 : 0;
}
