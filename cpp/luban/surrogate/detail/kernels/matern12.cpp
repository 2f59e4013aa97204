#include <luban/surrogate/detail/kernels/kernels.hpp>
#include <luban/surrogate/detail/kernels/scaled_factor.hpp>
#include <luban/surrogate/detail/simd.hpp>

namespace luban::surrogate::detail {

namespace {

/// exp(−r), as rough as a random walk; its slope by r² is taken as 0 at r = 0, where r² times it vanishes.
class Matern12 final : public ScaledFactor {
 public:
  using ScaledFactor::ScaledFactor;
  void profile(std::size_t count, double* r2, double* slope) const override {
    simd_table().matern12(count, r2, r2, slope);
  }
  [[nodiscard]] std::optional<double> spectral_degrees() const noexcept override { return 1.0; }
  [[nodiscard]] bool own_slope() const noexcept override { return true; }
};

}  // namespace

std::unique_ptr<Factor> make_matern12(const FactorSpec& spec, const features::Encoder& encoder,
                                      const InputLayout& layout, Eigen::Index first_parameter) {
  return std::make_unique<Matern12>(spec, encoder, layout, first_parameter);
}

}  // namespace luban::surrogate::detail
