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
};

}  // namespace

std::unique_ptr<Factor> make_rbf(const FactorSpec& spec, const features::Encoder& encoder, const InputLayout& layout,
                                 Eigen::Index first_parameter) {
  return std::make_unique<Rbf>(spec, encoder, layout, first_parameter);
}

}  // namespace luban::surrogate::detail
