#include <cmath>
#include <limits>
#include <numbers>

#include <luban/surrogate/detail/kernels/kernels.hpp>
#include <luban/surrogate/detail/kernels/scaled_factor.hpp>
#include <luban/surrogate/detail/simd.hpp>

namespace luban::surrogate::detail {

namespace {

/// exp(−2 Σ sin²(π (x − x′) / period) / length²): the rbf of points on circles (MacKay 1998). The period is given, in
/// search ranges.
class Periodic final : public ScaledFactor {
 public:
  Periodic(const FactorSpec& spec, const features::Encoder& encoder, const InputLayout& layout,
           Eigen::Index first_parameter)
      : ScaledFactor(spec, encoder, layout.numeric(), std::vector<Eigen::Index>(layout.numeric().size(), 2), 2.0,
                     first_parameter),
        frequency_(2.0 * std::numbers::pi / spec.period) {}

  void profile(std::size_t count, double* r2, double* /*slope*/) const override { simd_table().rbf(count, r2, r2); }
  [[nodiscard]] std::optional<double> spectral_degrees() const noexcept override {
    return std::numeric_limits<double>::infinity();
  }

  void add_input_gradient(const Eigen::VectorXd& theta, const Points& points, const Eigen::MatrixXd& by_coordinates,
                          Eigen::MatrixXd& by_numeric) const override {
    for (Eigen::Index k = 0; k < by_numeric.cols(); ++k) {
      const Eigen::ArrayXd angle = frequency_ * points.numeric.col(k).array();
      by_numeric.col(k).array() +=
          frequency_ * (scale(theta, 2 * k + 1) * by_coordinates.col(2 * k + 1).array() * angle.cos() -
                        scale(theta, 2 * k) * by_coordinates.col(2 * k).array() * angle.sin());
    }
  }

 protected:
  [[nodiscard]] Eigen::MatrixXd unscaled(const Points& points) const override {
    Eigen::MatrixXd out(points.count(), 2 * points.numeric.cols());
    for (Eigen::Index k = 0; k < points.numeric.cols(); ++k) {
      const Eigen::ArrayXd angle = frequency_ * points.numeric.col(k).array();
      out.col(2 * k) = angle.cos();
      out.col(2 * k + 1) = angle.sin();
    }
    return out;
  }

 private:
  double frequency_;
};

}  // namespace

std::unique_ptr<Factor> make_periodic(const FactorSpec& spec, const features::Encoder& encoder,
                                      const InputLayout& layout, Eigen::Index first_parameter) {
  return std::make_unique<Periodic>(spec, encoder, layout, first_parameter);
}

}  // namespace luban::surrogate::detail
