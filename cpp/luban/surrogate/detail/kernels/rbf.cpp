#include <cmath>
#include <limits>

#include <luban/surrogate/detail/kernels/kernels.hpp>
#include <luban/surrogate/detail/kernels/scaled_factor.hpp>
#include <luban/surrogate/detail/simd.hpp>

namespace luban::surrogate::detail {

namespace {

/// exp(−r²/2).
class Rbf final : public ScaledFactor {
 public:
  using ScaledFactor::ScaledFactor;
  void profile(std::size_t count, double* r2, double* /*slope*/) const override { simd_table().rbf(count, r2, r2); }
  [[nodiscard]] std::optional<double> spectral_degrees() const noexcept override {
    return std::numeric_limits<double>::infinity();
  }
  /// A product of normal densities: variances add, and the height falls by l/√(l² + s²) for each input.
  [[nodiscard]] std::optional<double> smoothed(const Eigen::VectorXd& variances,
                                               Eigen::VectorXd& theta) const override {
    double log_height = 0.0;
    for (Eigen::Index c = 0; c < variances.size(); ++c) {
      if (variances(c) == 0.0) continue;
      const std::optional<Eigen::Index> length = own_hyperparameter(c);
      if (!length) return std::nullopt;
      const double narrow = theta(*length);
      theta(*length) = narrow + 0.5 * std::log1p(variances(c) * std::exp(-2.0 * narrow));
      log_height += narrow - theta(*length);
    }
    return log_height;
  }
};

}  // namespace

std::unique_ptr<Factor> make_rbf(const FactorSpec& spec, const features::Encoder& encoder, const InputLayout& layout,
                                 Eigen::Index first_parameter) {
  return std::make_unique<Rbf>(spec, encoder, layout, first_parameter);
}

}  // namespace luban::surrogate::detail
