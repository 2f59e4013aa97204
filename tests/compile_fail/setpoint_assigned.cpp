// A setpoint does not become another one.
#include <algorithm>

#include <luban/guard/guard.hpp>

namespace {
std::int64_t later(luban::guard::Setpoint first, const luban::guard::Setpoint& second) {
#ifdef MUST_NOT_COMPILE
  first = second;
  return first.sequence();
#else
  return std::max(first.sequence(), second.sequence());
#endif
}
}  // namespace

int main() {
  return &later == nullptr ? 1 : 0;
}
