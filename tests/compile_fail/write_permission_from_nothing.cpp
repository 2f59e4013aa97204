// Leave to write comes from a controller; nobody can make one up.
#include <memory>

#include <luban/control/controller.hpp>

int main() {
#ifdef MUST_NOT_COMPILE
  const luban::control::WritePermission permission;
  return permission.entry() == 0 ? 0 : 1;
#else
  const std::shared_ptr<luban::control::WritePermission> permission;
  return permission == nullptr ? 0 : 1;
#endif
}
