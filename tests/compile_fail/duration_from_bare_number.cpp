// Seconds written as a bare number must not arrive as nanoseconds.
#include <luban/core/time.hpp>

namespace {
bool is_long(luban::core::Nanoseconds duration) {
  return duration.count() > 1'000'000'000;
}
}  // namespace

int main() {
  using namespace std::chrono_literals;
#ifdef MUST_NOT_COMPILE
  return is_long(5) ? 0 : 1;
#else
  return is_long(5s) ? 0 : 1;
#endif
}
