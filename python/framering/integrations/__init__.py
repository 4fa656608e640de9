"""framering's replay buffers at home in other libraries; each module needs its library."""
