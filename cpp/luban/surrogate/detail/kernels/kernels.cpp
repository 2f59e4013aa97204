#include <luban/surrogate/detail/kernels/kernels.hpp>

#include <algorithm>
#include <string>

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
      {FactorKind::embedding, "embedding", true, make_embedding},
      {FactorKind::forgetting, "forgetting", false, make_forgetting},
      {FactorKind::coregionalisation, "coregionalisation", true, make_coregionalisation},
  };
  return entries;
}

const KernelEntry& kernel(FactorKind kind) {
  return *std::find_if(kernels().begin(), kernels().end(), [&](const KernelEntry& one) { return one.kind == kind; });
}

Eigen::Index rank_of(const FactorSpec& spec, Eigen::Index levels) {
  const Eigen::Index asked = spec.rank > 0 ? spec.rank : 2;
  return std::min(asked, std::max<Eigen::Index>(levels - 1, 0));
}

void require_one_input(const FactorSpec& spec, const std::vector<Eigen::Index>& inputs, const char* what) {
  if (inputs.size() == 1) return;
  throw core::ConfigurationError({.where = "surrogate.covariance",
                                  .expected = std::string("one ") + what + " input",
                                  .received = std::to_string(inputs.size()),
                                  .place = "factor " + core::quoted(spec.name),
                                  .hint = "name it in the factor's `inputs`"});
}

}  // namespace luban::surrogate::detail
