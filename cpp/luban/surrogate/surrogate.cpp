#include <luban/surrogate/surrogate.hpp>

namespace luban::surrogate {

Surrogate::~Surrogate() = default;

}  // namespace luban::surrogate
