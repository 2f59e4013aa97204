#include <luban/surrogate/detail/kernels/kernels.hpp>

#include <algorithm>

namespace luban::surrogate::detail {

const std::vector<KernelEntry>& kernels() {
  static const std::vector<KernelEntry> entries{
      {FactorKind::rbf, "rbf", false, make_rbf},
      {FactorKind::matern12, "matern12", false, make_matern12},
      {FactorKind::matern32, "matern32", false, make_matern32},
      {FactorKind::matern52, "matern52", false, make_matern52},
      {FactorKind::linear, "linear", false, make_linear},
      {FactorKind::periodic, "periodic", false, make_periodic},
      {FactorKind::categorical, "categorical", true, make_categorical},
  };
  return entries;
}

const KernelEntry& kernel(FactorKind kind) {
  return *std::find_if(kernels().begin(), kernels().end(), [&](const KernelEntry& one) { return one.kind == kind; });
}

}  // namespace luban::surrogate::detail
