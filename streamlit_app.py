"""The app: `streamlit run streamlit_app.py`. One process serves the pages and, beside them, the HTTP API."""

import streamlit as st

if __name__ == "__main__":  # Streamlit runs this file so for each visitor: the pages
    from app_pages.navigation import show

    show()
else:  # the server imports it once: the process
    from service.http import routes

    app = st.App(__file__, routes=routes())
