// The values of a setpoint can be read and not changed.
#include <luban/guard/guard.hpp>

namespace {
bool is_fast(luban::guard::Setpoint setpoint) {
#ifdef MUST_NOT_COMPILE
  setpoint.values()[0].value = 300.0;
#else
  const luban::process::Value value = setpoint.values()[0].value;
#endif
  return setpoint.values()[0].value == luban::process::Value(300.0);
}
}  // namespace

int main() {
  return &is_fast == nullptr ? 1 : 0;
}
