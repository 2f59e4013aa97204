#include <luban/surrogate/detail/kernels/kernels.hpp>
#include <luban/surrogate/detail/kernels/scaled_factor.hpp>
#include <luban/surrogate/detail/simd.hpp>

namespace luban::surrogate::detail {

namespace {

/// (1 + √3 r) exp(−√3 r).
class Matern32 final : public ScaledFactor {
 public:
  using ScaledFactor::ScaledFactor;
  void profile(std::size_t count, double* r2, double* slope) const override {
    simd_table().matern32(count, r2, r2, slope);
  }
  [[nodiscard]] std::optional<double> spectral_degrees() const noexcept override { return 3.0; }
  [[nodiscard]] bool own_slope() const noexcept override { return true; }
};

}  // namespace

std::unique_ptr<Factor> make_matern32(const FactorSpec& spec, const features::Encoder& encoder,
                                      const InputLayout& layout, Eigen::Index first_parameter) {
  return std::make_unique<Matern32>(spec, encoder, layout, first_parameter);
}

}  // namespace luban::surrogate::detail
