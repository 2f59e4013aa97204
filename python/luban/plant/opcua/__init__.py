"""Plants behind OPC UA servers (optional: ``pip install 'luban[opcua]'``); asyncua is imported on first use."""
