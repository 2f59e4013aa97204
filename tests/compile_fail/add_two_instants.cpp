// The difference of two instants is a duration; their sum is nothing.
#include <luban/core/time.hpp>

int main() {
  using namespace std::chrono_literals;
  const luban::core::UtcTime start(1s);
  const luban::core::UtcTime end(2s);
#ifdef MUST_NOT_COMPILE
  const auto result = start + end;
#else
  const auto result = start + (end - start);
#endif
  return result == end ? 0 : 1;
}
