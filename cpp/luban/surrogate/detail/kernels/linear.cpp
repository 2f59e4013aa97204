#include <luban/surrogate/detail/kernels/kernels.hpp>

namespace luban::surrogate::detail {

namespace {

/// Inner product of the numeric inputs, centred to [−1, 1], over their number: straight lines.
class Linear final : public Factor {
 public:
  explicit Linear(Eigen::Index first_parameter) : Factor(first_parameter) {}
  [[nodiscard]] bool stationary() const noexcept override { return false; }
  [[nodiscard]] Eigen::MatrixXd coordinates(const Eigen::VectorXd& /*theta*/, const Points& points) const override {
    return (2.0 * points.numeric.array() - 1.0).matrix();
  }
  void profile(std::size_t /*count*/, double* /*r2*/, double* /*slope*/) const override {}
  [[nodiscard]] std::optional<double> smoothed(const Eigen::VectorXd& /*variances*/,
                                               Eigen::VectorXd& /*theta*/) const override {
    return 0.0;  // deviations average out of an inner product
  }
  void add_input_gradient(const Eigen::VectorXd& /*theta*/, const Points& /*points*/,
                          const Eigen::MatrixXd& by_coordinates, Eigen::MatrixXd& by_numeric) const override {
    by_numeric += 2.0 * by_coordinates;
  }
};

}  // namespace

std::unique_ptr<Factor> make_linear(const FactorSpec& /*spec*/, const features::Encoder& /*encoder*/,
                                    const InputLayout& /*layout*/, Eigen::Index first_parameter) {
  return std::make_unique<Linear>(first_parameter);
}

}  // namespace luban::surrogate::detail
