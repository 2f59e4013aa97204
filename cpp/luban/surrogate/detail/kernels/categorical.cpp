#include <limits>

#include <luban/surrogate/detail/kernels/kernels.hpp>
#include <luban/surrogate/detail/kernels/scaled_factor.hpp>
#include <luban/surrogate/detail/simd.hpp>

namespace luban::surrogate::detail {

namespace {

/// exp(−Σ [differ] / length) over the categorical inputs: the rbf of one-hot columns scaled by length^−1/2, which makes
/// two categories 2 / length apart.
class Categorical final : public ScaledFactor {
 public:
  Categorical(const FactorSpec& spec, const features::Encoder& encoder, const InputLayout& layout,
              Eigen::Index first_parameter)
      : ScaledFactor(spec, encoder, layout.categorical(), layout.levels(), 1.0, first_parameter) {}
  void profile(std::size_t count, double* r2, double* /*slope*/) const override { simd_table().rbf(count, r2, r2); }
  [[nodiscard]] std::optional<double> spectral_degrees() const noexcept override {
    return std::numeric_limits<double>::infinity();
  }
  [[nodiscard]] bool of_categories() const noexcept override { return true; }

 protected:
  [[nodiscard]] Eigen::MatrixXd unscaled(const Points& points) const override { return points.one_hot; }
};

}  // namespace

std::unique_ptr<Factor> make_categorical(const FactorSpec& spec, const features::Encoder& encoder,
                                         const InputLayout& layout, Eigen::Index first_parameter) {
  return std::make_unique<Categorical>(spec, encoder, layout, first_parameter);
}

}  // namespace luban::surrogate::detail
