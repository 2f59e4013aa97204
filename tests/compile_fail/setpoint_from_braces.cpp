// No empty setpoint, and none from braces.
#include <luban/guard/guard.hpp>

namespace {
std::int64_t cycle_of(const luban::guard::Judgement& judgement) {
#ifdef MUST_NOT_COMPILE
  const luban::guard::Setpoint setpoint{};
#else
  const luban::guard::Setpoint setpoint{*judgement.setpoint};
#endif
  return setpoint.cycle();
}
}  // namespace

int main() {
  return &cycle_of == nullptr ? 1 : 0;
}
