import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { connect } from './api/connect'
import { Link } from './api/link'
import { App } from './app'
import { Keyboard, KeyboardContext } from './keys/keyboard'
import { Floor } from './live/floor'
import { NexaContext } from './parts/context'
import { applyTheme } from './parts/theme'
import { Journey } from './paths'
import './ui/base.css'

applyTheme()
const floor = new Floor(new Link(connect))
floor.open()
const nexa = { floor, journey: new Journey() }

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <NexaContext value={nexa}>
      <KeyboardContext value={new Keyboard()}>
        <App />
      </KeyboardContext>
    </NexaContext>
  </StrictMode>,
)
